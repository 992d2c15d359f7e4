//! Arm processors by implementer and part number.

use crate::table::find;

const ARM: &str = include_str!("../../data/cpu/arm.tsv");

/// The name of an Arm core, from `CPU implementer` and `CPU part` of `/proc/cpuinfo` (`0x41`, `0xd4f`).
pub fn arm_processor(implementer: &str, part: &str) -> Option<&'static str> {
    let digits = |text: &str| text.trim().trim_start_matches("0x").to_ascii_lowercase();
    find(
        ARM,
        &format!("{:0>2}\t{:0>3}", digits(implementer), digits(part)),
    )?
    .splitn(3, '\t')
    .nth(2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::rows;

    #[test]
    fn cores_are_named_by_implementer_and_part() {
        assert_eq!(arm_processor("0x41", "0xd4f"), Some("Arm Neoverse V2"));
        assert_eq!(arm_processor("0x41", "0xd0c"), Some("Arm Neoverse N1"));
        assert_eq!(arm_processor("0xc0", "0xac3"), Some("Ampere-1"));
        assert_eq!(arm_processor("0x4e", "0x4"), Some("NVIDIA Carmel"));
        assert_eq!(arm_processor("0x41", ""), None);
        assert_eq!(arm_processor("garbage", "0x\u{fc}"), None);
        let lines: Vec<&str> = rows(ARM).collect();
        assert!(lines.windows(2).all(|pair| pair[0] < pair[1]) && ARM.contains("# source:"));
    }
}
