//! The format against itself, against damage, and against what Python writes.

use super::*;
use deskside_machine::host::Host;
use deskside_types::metric::{Point, Series};
use proptest::prelude::*;
use std::path::Path;
use std::process::Command;

fn everything(bytes: &[u8]) -> (Vec<Series>, Damage) {
    let (mut decoder, mut into) = (Decoder::default(), Everything::default());
    decoder.feed(bytes, &mut into);
    (into.into_series(), decoder.damage().clone())
}

fn segment(points: &[(String, Point)]) -> Vec<u8> {
    let (mut writer, mut bytes) = SegmentWriter::begin(7, 1_000);
    for (name, point) in points {
        writer.add(name, *point, &mut bytes).unwrap();
    }
    bytes
}

fn point(step: i64, time_ms: i64, value: f64) -> Point {
    Point {
        step,
        time_ms,
        value,
    }
}

#[test]
fn every_byte_of_a_small_segment() {
    let bytes = segment(&[("train/loss, smoothed".into(), point(-1, 1_258, 1.5))]);
    #[rustfmt::skip]
    let expected: &[u8] = &[
        1, 0xD5, b'D', b'S', b'K', b'S', b'E', b'G', 1, 0, 0, 0, 7, 0, 0, 0, 0x00, 0xCA, 0x9A, 0x3B, 0, 0, 0, 0,
        3, 0xD5, 0, 0, 20, 0, 0, 0, b't', b'r', b'a', b'i', b'n', b'/', b'l', b'o', b's', b's', b',', b' ', b's', b'm', b'o', b'o',
        4, 0xD5, 0, 0, b't', b'h', b'e', b'd', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        2, 0xD5, 0, 0, 2, 1, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0, 0, 0, 0xF8, 0x3F,
    ];
    assert_eq!(bytes, expected);
}

#[test]
fn the_golden_segment_of_version_1_is_read() {
    let bytes = include_bytes!(
        "../../tests/golden/20260101-000000-gold/metrics/1767225600000-4242-00c0ffee.seg"
    );
    let (series, damage) = everything(bytes);
    assert!(damage.is_none());
    let names: Vec<(&str, usize)> = series
        .iter()
        .map(|series| (series.name.as_str(), series.points.len()))
        .collect();
    assert_eq!(
        names,
        [
            ("a metric whose name needs more than one record: ü", 1),
            ("train/loss", 4)
        ]
    );
    assert_eq!(
        series[0].points[0],
        point(i64::MAX, 1_767_225_600_250, f64::NEG_INFINITY)
    );
    let loss: Vec<(i64, i64, u64)> = series[1]
        .points
        .iter()
        .map(|point| (point.step, point.time_ms, point.value.to_bits()))
        .collect();
    let expected = [
        (0, 1_767_225_600_000, 0.1f64.to_bits()),
        (1, 1_767_225_600_125, f64::NAN.to_bits()),
        (-3, 1_767_225_600_250, (-0.0f64).to_bits()),
        (4, 1_777_225_600_000, 5e-324f64.to_bits()),
    ];
    assert_eq!(loss, expected);
}

#[test]
fn a_newer_or_foreign_file_is_refused_with_its_reason() {
    let mut newer = segment(&[]);
    newer[8] = 2;
    assert!(everything(&newer).1.unreadable[0].contains("newer version"));
    assert!(everything(&[0; 48]).1.unreadable[0].contains("no metric segment"));
    assert_eq!(
        everything(b"short").1,
        Damage {
            torn_bytes: 5,
            ..Damage::default()
        }
    );
}

#[test]
fn damage_costs_its_own_record_only() {
    let mut bytes = segment(
        &(0..10)
            .map(|step| ("a".to_string(), point(step, 1_000, 0.0)))
            .collect::<Vec<_>>(),
    );
    bytes[24 * 5 + 1] = 0;
    bytes.extend_from_slice(&[2, 0xD5, 9, 0]);
    let (series, damage) = everything(&bytes);
    assert_eq!(
        series[0]
            .points
            .iter()
            .map(|point| point.step)
            .collect::<Vec<_>>(),
        [0, 1, 2, 4, 5, 6, 7, 8, 9]
    );
    assert_eq!(
        damage,
        Damage {
            skipped_bytes: 24,
            torn_bytes: 4,
            ..Damage::default()
        }
    );
    assert_eq!(
        damage.sentence().as_deref(),
        Some("24 damaged bytes were skipped")
    );
}

#[test]
fn more_names_than_fit_are_told() {
    let (mut writer, mut bytes) = SegmentWriter::begin(1, 0);
    for number in 0..u32::from(MOST_KEYS) {
        writer
            .add(&number.to_string(), point(0, 0, 0.0), &mut bytes)
            .unwrap();
    }
    let length = bytes.len();
    assert_eq!(
        writer.add("one more", point(0, 0, 0.0), &mut bytes),
        Err(TooManyNames)
    );
    assert_eq!(bytes.len(), length);
    assert_eq!(everything(&bytes).0.len(), usize::from(MOST_KEYS));
}

#[test]
fn a_brief_keeps_last_least_and_greatest() {
    let bytes = segment(&[
        ("a".into(), point(0, 1_500, 3.0)),
        ("a".into(), point(1, 1_400, -1.0)),
        ("a".into(), point(2, 1_500, f64::NAN)),
        ("b".into(), point(0, 1_000, f64::NAN)),
    ]);
    let (mut decoder, mut brief) = (Decoder::default(), Brief::default());
    decoder.feed(&bytes, &mut brief);
    let series = brief.series();
    assert_eq!(
        (
            series[0].count,
            series[0].last.step,
            series[0].min,
            series[0].max
        ),
        (3, 2, Some(-1.0), Some(3.0))
    );
    assert_eq!((series[1].count, series[1].min), (1, None));
}

#[test]
fn segments_of_several_processes_are_merged_by_time_and_followed_as_they_grow() {
    let folder = tempfile::tempdir().unwrap();
    let (mut first, header) = SegmentWriter::begin(1, 0);
    let (mut second, other_header) = SegmentWriter::begin(2, 0);
    let write = |name: &str, bytes: &[u8]| {
        use std::io::Write;
        std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(folder.path().join(name))
            .unwrap()
            .write_all(bytes)
            .unwrap();
    };
    write("1.seg", &header);
    write("2.seg", &other_header);
    write("notes.txt", b"not a segment");
    write("3.seg", b"garbage that is longer than a record");
    let host = Host::new();
    let mut metrics = RunMetrics::new(folder.path(), Everything::default());
    let damage = metrics.refresh(&host).unwrap();
    assert_eq!(
        damage.unreadable,
        ["3.seg: no metric segment: its first bytes are not the format's"]
    );
    for round in 0..3 {
        let mut bytes = Vec::new();
        first
            .add("a", point(round, round * 10, 1.0), &mut bytes)
            .unwrap();
        let (whole, part) = bytes.split_at(bytes.len() - 5);
        write("1.seg", whole);
        metrics.refresh(&host).unwrap();
        write("1.seg", part);
        let mut bytes = Vec::new();
        second
            .add("a", point(round, round * 10 - 5, 2.0), &mut bytes)
            .unwrap();
        write("2.seg", &bytes);
        metrics.refresh(&host).unwrap();
    }
    let series = metrics.collected.into_series();
    assert_eq!(series.len(), 1);
    let times: Vec<i64> = series[0].points.iter().map(|point| point.time_ms).collect();
    assert_eq!(times, [-5, 0, 5, 10, 15, 20]);
    let nothing = RunMetrics::new(folder.path().join("absent"), Everything::default())
        .refresh(&host)
        .unwrap();
    assert!(nothing.is_none());
}

#[test]
fn a_million_points_are_summarised_quickly() {
    let folder = tempfile::tempdir().unwrap();
    let points: Vec<(String, Point)> = (0..1_000_000)
        .map(|step| {
            (
                format!("m{}", step % 10),
                point(step, 1_000 + step, step as f64),
            )
        })
        .collect();
    std::fs::write(folder.path().join("1.seg"), segment(&points)).unwrap();
    let begun = std::time::Instant::now();
    let mut metrics = RunMetrics::new(folder.path(), Brief::default());
    metrics.refresh(&Host::new()).unwrap();
    let brief = begun.elapsed();
    assert_eq!(
        metrics
            .collected
            .series()
            .iter()
            .map(|series| series.count)
            .sum::<u64>(),
        1_000_000
    );
    let begun = std::time::Instant::now();
    let mut metrics = RunMetrics::new(folder.path(), Everything::default());
    metrics.refresh(&Host::new()).unwrap();
    let series = metrics.collected.into_series();
    println!(
        "1,000,000 points: brief {brief:?}, everything {:?}",
        begun.elapsed()
    );
    assert_eq!(series.len(), 10);
    let bar = if cfg!(debug_assertions) { 3_000 } else { 150 };
    assert!(brief.as_millis() < bar, "{brief:?}");
}

/// What the Python module wrote, bit by bit.
#[test]
fn what_python_wrote_is_read_bit_by_bit() {
    let home = tempfile::tempdir().unwrap();
    let script = "
import deskside, struct, math
values = [0.1, -0.0, 5e-324, 1.7976931348623157e308, math.nan, math.inf, -math.inf, 1/3]
for step, value in enumerate(values * 100):
    deskside.log({'train/loss': value, 'a name that is long enough for two records \\u00fc': -value}, step=step * 2**40 - 7)
";
    let done = Command::new("python3")
        .args(["-c", script])
        .env("DESKSIDE_HOME", home.path())
        .env_remove("DESKSIDE_RUN")
        .env("PYTHONPATH", concat!(env!("CARGO_MANIFEST_DIR"), "/python"))
        .status();
    if !done.is_ok_and(|status| status.success()) {
        deskside_testkit::skip(
            "what_python_wrote_is_read_bit_by_bit: no python3 that runs the module",
        );
        return;
    }
    let run = std::fs::read_dir(home.path().join("data/runs"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let mut metrics = RunMetrics::new(Path::new(&run).join("metrics"), Everything::default());
    assert!(metrics.refresh(&Host::new()).unwrap().is_none());
    let series = metrics.collected.into_series();
    assert_eq!(
        series[0].name,
        "a name that is long enough for two records ü"
    );
    let values = [
        0.1,
        -0.0,
        5e-324,
        f64::MAX,
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        1.0 / 3.0,
    ];
    for (at, point) in series[1].points.iter().enumerate() {
        let value = values[at % values.len()];
        assert_eq!(point.step, ((at as i64) << 40) - 7);
        assert!(point.value.to_bits() == value.to_bits() || point.value.is_nan() && value.is_nan());
        let other = series[0].points[at].value;
        assert!(other.to_bits() == (-value).to_bits() || other.is_nan() && value.is_nan());
    }
    assert_eq!(series[1].points.len(), 800);
}

fn any_points() -> impl Strategy<Value = Vec<(String, Point)>> {
    let name = prop_oneof!["[a-c]", "\\PC{1,60}", "(ü|x){1,120}"];
    let time = prop_oneof![0..10_000i64, -(1i64 << 40)..(1i64 << 42)];
    prop::collection::vec((name, any::<i64>(), time, any::<f64>()), 0..60).prop_map(|points| {
        points
            .into_iter()
            .map(|(name, step, time_ms, value)| (name, point(step, time_ms, value)))
            .collect()
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read(points in any_points()) {
        let (series, damage) = everything(&segment(&points));
        prop_assert!(damage.is_none() && damage.torn_bytes == 0);
        for one in &series {
            let mut expected: Vec<Point> = points.iter().filter(|(name, _)| *name == one.name).map(|(_, point)| *point).collect();
            expected.sort_by_key(|point| point.time_ms);
            let bits = |points: &[Point]| points.iter().map(|point| (point.step, point.time_ms, point.value.to_bits())).collect::<Vec<_>>();
            prop_assert_eq!(bits(&one.points), bits(&expected));
        }
        prop_assert_eq!(series.iter().map(|series| series.points.len()).sum::<usize>(), points.len());
    }

    /// Cut anywhere: everything before the cut is there, and nothing else.
    #[test]
    fn a_cut_segment_gives_what_stands_before_the_cut(points in any_points(), cut in any::<prop::sample::Index>()) {
        let bytes = segment(&points);
        let cut = cut.index(bytes.len() + 1);
        let (series, damage) = everything(&bytes[..cut]);
        prop_assert!(damage.is_none());
        if cut >= RECORD {
            prop_assert_eq!(damage.torn_bytes as usize, cut % RECORD);
        }
        let scalars = bytes[..cut].chunks_exact(RECORD).filter(|record| record[0] == KIND_SCALAR).count();
        prop_assert_eq!(series.iter().map(|series| series.points.len()).sum::<usize>(), scalars);
    }

    /// In pieces of any size, fed as a reader of a growing file feeds them.
    #[test]
    fn a_growing_segment_is_read_to_the_same_end(points in any_points(), sizes in prop::collection::vec(1..100usize, 1..50)) {
        let bytes = segment(&points);
        let (mut decoder, mut into) = (Decoder::default(), Everything::default());
        let mut end = 0;
        for size in sizes.iter().cycle().take(10_000) {
            end = (end + size).min(bytes.len());
            decoder.feed(&bytes[decoder.position() as usize..end], &mut into);
        }
        prop_assert_eq!(decoder.position() as usize, bytes.len());
        let read = into.into_series().iter().map(|series| series.points.len()).sum::<usize>();
        prop_assert_eq!(read, points.len());
    }

    /// Any byte changed, anything inserted on the grid: never a panic, and no more points than records.
    #[test]
    fn damage_never_stops_a_reader(points in any_points(), changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..40)) {
        let mut bytes = segment(&points);
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let (series, _) = everything(&bytes);
        prop_assert!(series.iter().map(|series| series.points.len()).sum::<usize>() <= bytes.len() / RECORD);
    }

    #[test]
    fn garbage_never_stops_a_reader(mut bytes in prop::collection::vec(any::<u8>(), 0..2_000), headed in any::<bool>()) {
        if headed && bytes.len() >= 24 {
            bytes[..10].copy_from_slice(b"\x01\xD5DSKSEG\x01\x00");
            for record in bytes[24..].chunks_mut(24).filter(|record| record.len() > 1) {
                record[0] %= 6;
                record[1] = SYNC;
            }
        }
        everything(&bytes);
    }
}
