//! Series written into a segment: what stays the same is written now and then only.

use deskside_machine::{Acting, Durability, Machine, Reading};
use deskside_track::segment::SegmentWriter;
use deskside_types::Result;
use deskside_types::metric::Point;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Writes points of many series. Between two points that are written a reader may draw a straight line: when a value changes,
/// the last of those that stayed the same is written, too.
#[derive(Debug)]
pub(super) struct Recorder {
    folder: PathBuf,
    /// How long a value may stay unwritten, in milliseconds.
    longest: i64,
    segment: Option<(PathBuf, SegmentWriter)>,
    name: Option<String>,
    tracks: BTreeMap<String, Track>,
    batch: Vec<u8>,
}

#[derive(Debug)]
struct Track {
    written: Point,
    left_out: Option<Point>,
}

impl Recorder {
    /// Into segments of a folder; of a name of its own where one is given, else of a fresh one.
    pub fn new(folder: PathBuf, longest: i64, name: Option<String>) -> Self {
        Self {
            folder,
            longest,
            segment: None,
            name,
            tracks: BTreeMap::new(),
            batch: Vec::new(),
        }
    }

    /// Adds a value.
    pub fn put(&mut self, name: &str, point: Point) {
        let Some(track) = self.tracks.get_mut(name) else {
            self.tracks.insert(
                name.to_string(),
                Track {
                    written: point,
                    left_out: None,
                },
            );
            self.add(name, point);
            return;
        };
        let same = track.written.value == point.value;
        if same && point.time_ms - track.written.time_ms < self.longest {
            track.left_out = Some(point);
            return;
        }
        let before = track.left_out.take().filter(|_| !same);
        track.written = point;
        if let Some(before) = before {
            self.add(name, before);
        }
        self.add(name, point);
    }

    fn add(&mut self, name: &str, point: Point) {
        if self.segment.is_none() {
            let (writer, header) = SegmentWriter::begin(0, point.time_ms);
            self.batch.extend_from_slice(&header);
            self.segment = Some((PathBuf::new(), writer));
        }
        if let Some((_, writer)) = &mut self.segment {
            // 65,535 names are never reached: there are some dozens.
            let _ = writer.add(name, point, &mut self.batch);
        }
    }

    /// Writes what was added, with one write.
    ///
    /// # Errors
    /// As the door says; what was added is lost then, and the next is written into a segment of its own.
    pub fn flush(&mut self, machine: &dyn Machine) -> Result<()> {
        let Some((path, _)) = &mut self.segment else {
            return Ok(());
        };
        if self.batch.is_empty() {
            return Ok(());
        }
        if path.as_os_str().is_empty() {
            let random = (machine.random()? & u64::from(u32::MAX)) as u32;
            let now = machine.now()?.wall.as_millisecond();
            let name = match &self.name {
                Some(beginning) => format!("{beginning}.{random:08x}.seg"),
                None => SegmentWriter::file_name(now, 0, random),
            };
            *path = self.folder.join(name);
        }
        let written =
            machine.append_file(path.as_path(), self.batch.as_slice(), Durability::Process);
        self.batch.clear();
        if written.is_err() {
            self.begin_anew();
        }
        Ok(written?)
    }

    /// Writes the values that were left out because they stayed the same: at the end.
    pub fn finish(&mut self, machine: &dyn Machine) -> Result<()> {
        let left: Vec<(String, Point)> = self
            .tracks
            .iter_mut()
            .filter_map(|(name, track)| Some((name.clone(), track.left_out.take()?)))
            .collect();
        for (name, point) in left {
            self.add(&name, point);
        }
        self.flush(machine)
    }

    fn begin_anew(&mut self) {
        self.segment = None;
        self.tracks.clear();
    }
}
