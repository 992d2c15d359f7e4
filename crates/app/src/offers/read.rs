//! Reading public catalogues: bytes of a server, within bounds, become rows; what is odd is said and never a panic.

use flate2::read::DeflateDecoder;
use std::io::Read;

/// A row as a catalogue has it, before anybody looked at whether it can be.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Raw {
    /// The provider as the catalogue calls it.
    pub provider: String,
    /// The accelerator.
    pub accelerator: String,
    /// GB of one.
    pub memory_gb: Option<f64>,
    /// `on-demand`, `spot`, …
    pub tier: String,
    /// Money an hour for one.
    pub price: Option<f64>,
    /// The currency's letters.
    pub currency: String,
    /// The day it was seen.
    pub as_of: String,
}

/// The longest CSV in an archive, in bytes.
const LONGEST: u64 = 64 << 20;
/// The most rows of one catalogue.
const MOST: usize = 200_000;

/// The rows of gpuhunt's CSV. Prices are of the whole instance.
pub(super) fn gpuhunt(provider: &str, csv: &str, as_of: &str) -> Result<Vec<Raw>, String> {
    let (head, rows) = csv_rows(csv)?;
    let column = columns(
        &head,
        &["price", "gpu_name", "gpu_count", "gpu_memory", "spot"],
    )?;
    let beside = |name: &str| head.iter().position(|one| one == name);
    let (flags, data) = (beside("flags"), beside("provider_data"));
    Ok(rows
        .filter_map(|row| {
            let cell = |at: usize| row.get(column[at]).map_or("", |text| text.trim());
            let count = cell(2).parse::<f64>().ok().filter(|count| *count >= 1.0)?;
            if cell(1).is_empty() {
                return None;
            }
            let lent = [flags, data]
                .into_iter()
                .flatten()
                .filter_map(|at| row.get(at))
                .any(|text| text.to_ascii_lowercase().contains("community"));
            Some(Raw {
                provider: provider.into(),
                accelerator: cell(1).into(),
                memory_gb: cell(3).parse().ok(),
                tier: match cell(4).to_ascii_lowercase().as_str() {
                    "true" => "spot",
                    _ if lent => "community",
                    _ => "on-demand",
                }
                .into(),
                price: cell(0).parse::<f64>().ok().map(|price| price / count),
                currency: "USD".into(),
                as_of: as_of.into(),
            })
        })
        .collect())
}

/// The rows of SkyPilot's CSV. Its memory column is known to be wrong for some clouds, so memory is left open.
pub(super) fn skypilot(provider: &str, csv: &str, as_of: &str) -> Result<Vec<Raw>, String> {
    let (head, rows) = csv_rows(csv)?;
    let column = columns(&head, &["AcceleratorName", "AcceleratorCount", "Price"])?;
    let spot = head.iter().position(|one| one == "SpotPrice");
    let mut all = Vec::new();
    for row in rows {
        let cell = |at: usize| row.get(at).map_or("", |text| text.trim());
        let Some(count) = cell(column[1])
            .parse::<f64>()
            .ok()
            .filter(|count| *count >= 1.0)
        else {
            continue;
        };
        let name = cell(column[0]);
        if name.is_empty() {
            continue;
        }
        let mut add = |tier: &str, price: Option<f64>| {
            all.push(Raw {
                provider: provider.into(),
                accelerator: name.replace('-', " "),
                memory_gb: None,
                tier: tier.into(),
                price: price.map(|price| price / count),
                currency: "USD".into(),
                as_of: as_of.into(),
            });
        };
        let price = cell(column[2]).parse::<f64>().ok();
        add("on-demand", price);
        // Some clouds repeat the price there: then nothing is spot.
        let lower = spot
            .and_then(|at| cell(at).parse::<f64>().ok())
            .filter(|lower| Some(*lower) != price);
        if lower.is_some() {
            add("spot", lower);
        }
    }
    Ok(all)
}

/// The rows of gpu-pricing's JSON. Prices are of one accelerator.
pub(super) fn gpu_pricing(text: &[u8]) -> Result<Vec<Raw>, String> {
    let value: serde_json::Value =
        serde_json::from_slice(text).map_err(|error| format!("it is no JSON: {error}"))?;
    let rows = value.as_array().ok_or("it is no list")?;
    Ok(rows
        .iter()
        .take(MOST)
        .map(|row| {
            let word = |key: &str| row[key].as_str().unwrap_or_default().to_string();
            Raw {
                provider: word("provider_id"),
                accelerator: word("gpu_model"),
                memory_gb: row["vram_gb"].as_f64(),
                tier: word("tier"),
                price: row["price_usd_hour"].as_f64(),
                currency: row["currency"].as_str().unwrap_or("USD").to_string(),
                as_of: word("collected_at"),
            }
        })
        .collect())
}

/// The day in gpuhunt's version, `20260819-123`.
pub(super) fn day_of_version(text: &str) -> Option<String> {
    let digits = text.trim().get(..8)?;
    let day = format!(
        "{}-{}-{}",
        digits.get(..4)?,
        digits.get(4..6)?,
        digits.get(6..8)?
    );
    day.parse::<jiff::civil::Date>().ok().map(|_| day)
}

/// The first CSV in a zip archive, by its central directory (PKWARE APPNOTE 4.3.12 and 4.3.16): stored or deflated, within
/// bounds, whatever the archive claims.
pub(super) fn csv_in_zip(bytes: &[u8]) -> Result<String, String> {
    let short = || "the archive ends too soon".to_string();
    let number = |at: usize, size: usize| -> Result<usize, String> {
        let part = bytes.get(at..at + size).ok_or_else(short)?;
        Ok(part
            .iter()
            .rev()
            .fold(0, |sum, byte| sum << 8 | usize::from(*byte)))
    };
    let end = bytes
        .windows(4)
        .rposition(|window| window == b"PK\x05\x06")
        .ok_or("it is no zip archive")?;
    let (count, mut at) = (number(end + 10, 2)?, number(end + 16, 4)?);
    for _ in 0..count.min(64) {
        if bytes.get(at..at + 4) != Some(b"PK\x01\x02") {
            return Err("its list of files is damaged".into());
        }
        let (method, packed) = (number(at + 10, 2)?, number(at + 20, 4)?);
        let (name, extra, comment) = (
            number(at + 28, 2)?,
            number(at + 30, 2)?,
            number(at + 32, 2)?,
        );
        let start = number(at + 42, 4)?;
        let called = bytes.get(at + 46..at + 46 + name).ok_or_else(short)?;
        at += 46 + name + extra + comment;
        if !called.ends_with(b".csv") {
            continue;
        }
        let data = start + 30 + number(start + 26, 2)? + number(start + 28, 2)?;
        let packed = bytes
            .get(data..data.saturating_add(packed))
            .ok_or_else(short)?;
        let mut text = Vec::new();
        match method {
            0 => text.extend_from_slice(packed),
            8 => {
                DeflateDecoder::new(packed)
                    .take(LONGEST + 1)
                    .read_to_end(&mut text)
                    .map_err(|_| "its CSV is damaged".to_string())?;
            }
            other => {
                return Err(format!(
                    "its CSV is packed in a way ({other}) that is not read"
                ));
            }
        }
        if text.len() as u64 > LONGEST {
            return Err(format!("its CSV is longer than {LONGEST} bytes"));
        }
        return Ok(String::from_utf8_lossy(&text).into_owned());
    }
    Err("no CSV is in it".into())
}

fn columns(head: &[String], names: &[&str]) -> Result<Vec<usize>, String> {
    names
        .iter()
        .map(|name| {
            head.iter()
                .position(|one| one == name)
                .ok_or_else(|| format!("it has no column {name}"))
        })
        .collect()
}

/// The head and the rows of comma-separated values with quotes (RFC 4180).
fn csv_rows(text: &str) -> Result<(Vec<String>, impl Iterator<Item = Vec<String>>), String> {
    let mut records = Vec::new();
    let (mut record, mut field, mut quoted) = (Vec::new(), String::new(), false);
    let mut letters = text.trim_start_matches('\u{feff}').chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => {
                letters.next();
                field.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => record.push(std::mem::take(&mut field)),
            '\n' if !quoted => {
                record.push(std::mem::take(&mut field));
                records.push(std::mem::take(&mut record));
                if records.len() > MOST {
                    return Err(format!("it has more than {MOST} rows"));
                }
            }
            '\r' if !quoted => {}
            other => field.push(other),
        }
    }
    if !field.is_empty() || !record.is_empty() {
        record.push(field);
        records.push(record);
    }
    let mut records = records.into_iter();
    let head = records.next().ok_or("it is empty")?;
    Ok((
        head.iter().map(|cell| cell.trim().to_string()).collect(),
        records,
    ))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use std::io::{Cursor, Write};

    pub fn zipped(name: &str, text: &str) -> Vec<u8> {
        let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
        zip.start_file(name, zip::write::SimpleFileOptions::default())
            .unwrap();
        zip.write_all(text.as_bytes()).unwrap();
        zip.finish().unwrap().into_inner()
    }

    pub const CSV: &str = "instance_name,location,price,cpu,memory,gpu_count,gpu_name,gpu_memory,spot,disk_size,gpu_vendor,flags,cpu_arch,provider_data\n\
        a,EU,0.70,8,32,1,RTX4090,24.0,False,,nvidia,,x86,\"{\"\"pod\"\":1}\"\n\
        b,EU,5.00,64,256,2,H100,80.0,False,,nvidia,,x86,{}\n\
        c,EU,0.36,8,32,1,RTX4090,24.0,False,,nvidia,,x86,\"{\"\"cloud\"\":\"\"COMMUNITY\"\"}\"\n\
        d,EU,0.1,8,32,0,,,False,,,,x86,{}\n";

    #[test]
    fn archives_are_read_and_damaged_ones_refused() {
        let good = zipped("runpod.csv", CSV);
        assert_eq!(csv_in_zip(&good).unwrap(), CSV);
        assert!(csv_in_zip(&zipped("a.txt", CSV)).is_err());
        for cut in 0..good.len() {
            let _ = csv_in_zip(&good[..cut]);
        }
        for place in 0..good.len() {
            let mut bad = good.clone();
            bad[place] ^= 0xff;
            let _ = csv_in_zip(&bad);
        }
        assert!(csv_in_zip(b"").is_err() && csv_in_zip(&[0xff; 300]).is_err());
    }

    #[test]
    fn rows_are_of_one_accelerator() {
        let rows = gpuhunt("runpod", CSV, "2026-11-25").unwrap();
        assert_eq!(rows.len(), 3);
        assert_eq!((rows[1].price, rows[1].memory_gb), (Some(2.5), Some(80.0)));
        assert_eq!(rows[2].tier, "community");
        assert!(gpuhunt("runpod", "a,b\n1,2\n", "").is_err());
        let sky = "InstanceType,AcceleratorName,AcceleratorCount,vCPUs,MemoryGiB,Price,Region,GpuInfo,SpotPrice\nx,A100-80GB,8.0,1,1,12.0,eu,{},\ny,H100,1,1,1,3,eu,{},3\nz,H100,1,1,1,3,eu,{},1.5\nq,,,1,1,3,eu,{},\n";
        let rows = skypilot("lambda", sky, "2026-11-26").unwrap();
        assert_eq!(rows.len(), 4);
        assert_eq!(
            (rows[0].accelerator.as_str(), rows[0].price),
            ("A100 80GB", Some(1.5))
        );
        assert_eq!(rows[3].tier, "spot");
        let json = br#"[{"provider_id":"lambda","gpu_model":"A10","vram_gb":24,"tier":"on-demand","price_usd_hour":1.2,"collected_at":"2026-11-01"},{"x":1},3]"#;
        assert_eq!(gpu_pricing(json).unwrap().len(), 3);
        assert!(gpu_pricing(b"{}").is_err() && gpu_pricing(b"[").is_err());
        assert_eq!(
            day_of_version("20260819-12\n").as_deref(),
            Some("2026-08-19")
        );
        assert!(day_of_version("20261399-1").is_none() && day_of_version("üüüüüüüü").is_none());
    }
}
