//! Charts of letters: areas in braille, two values and four steps a letter; columns of ASCII where that is all there is.

/// The dots of a braille letter from the bottom to the top, left and right (Unicode, block Braille Patterns).
const LEFT: [u32; 4] = [0x40, 0x04, 0x02, 0x01];
const RIGHT: [u32; 4] = [0x80, 0x20, 0x10, 0x08];
const ASCII: [char; 5] = [' ', '.', ':', '|', '#'];

/// The newest values as an area of `width` by `height` letters, from the top row; the newest at the right. Values are shares of
/// the whole, 0 to 1.
pub fn area(values: &[f64], width: usize, height: usize, unicode: bool) -> Vec<String> {
    let columns = if unicode { width * 2 } else { width };
    let newest = &values[values.len().saturating_sub(columns)..];
    let blank = columns - newest.len();
    let steps = height * 4;
    let level = |column: usize| -> usize {
        let value = column.checked_sub(blank).and_then(|at| newest.get(at));
        match value {
            // A little is not nothing.
            Some(value) if *value > 0.0 => {
                ((value.min(1.0) * steps as f64).round() as usize).max(1)
            }
            _ => 0,
        }
    };
    (0..height)
        .map(|row| {
            let below = (height - 1 - row) * 4;
            let within = |column: usize| level(column).saturating_sub(below).min(4);
            (0..width)
                .map(|place| {
                    if !unicode {
                        return ASCII[within(place)];
                    }
                    let dots: u32 = [(LEFT, within(place * 2)), (RIGHT, within(place * 2 + 1))]
                        .iter()
                        .map(|(dots, count)| dots[..*count].iter().sum::<u32>())
                        .sum();
                    match dots {
                        0 => ' ',
                        dots => char::from_u32(0x2800 + dots).unwrap_or(' '),
                    }
                })
                .collect()
        })
        .collect()
}

/// A share as a bar in one line.
pub fn bar(share: f64, width: usize, unicode: bool) -> String {
    let (full, empty) = if unicode { ('█', '░') } else { ('#', '-') };
    let filled = (share.clamp(0.0, 1.0) * width as f64).round() as usize;
    (0..width)
        .map(|at| if at < filled { full } else { empty })
        .collect()
}
