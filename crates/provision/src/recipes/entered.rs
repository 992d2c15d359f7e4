//! The files by which a maker's archive is entered, as text.

use deskside_knowledge::platforms::{Place, Repository};

/// Where a downloaded package is kept.
pub(crate) fn kept(name: &str) -> String {
    format!("/var/cache/deskside/{name}")
}

/// The file's name of an archive's source.
pub(crate) fn name(archive: &Repository) -> String {
    format!("deskside-{}.sources", archive.id)
}

/// An archive's source in deb822 form (sources.list(5)).
pub(crate) fn source(place: &Place, keyring: &str, architecture: &str) -> String {
    let suite = place.suite.as_deref().unwrap_or("/");
    let mut contents = format!("Types: deb\nURIs: {}\nSuites: {suite}\n", place.url);
    if !place.components.is_empty() {
        contents.push_str(&format!("Components: {}\n", place.components.join(" ")));
    }
    contents.push_str(&format!(
        "Architectures: {architecture}\nSigned-By: {keyring}\n"
    ));
    contents
}

/// The pin that lifts an archive, where no package brings it: its file and contents (apt_preferences(5)).
pub(crate) fn pin(archive: &Repository) -> Option<(String, String)> {
    let (pin, file, priority) = (
        archive.pin.as_ref()?,
        archive.pin_file.as_ref()?,
        archive.pin_priority?,
    );
    let contents = format!("Package: *\nPin: {pin}\nPin-Priority: {priority}\n");
    Some((file.clone(), contents))
}

/// The pin that keeps an archive's drivers out: its file and contents.
pub(crate) fn fence(archive: &Repository) -> Option<(String, String)> {
    let (fence, file) = (archive.fence.as_ref()?, archive.fence_file.as_ref()?);
    Some((file.clone(), fence.trim_start().to_string()))
}
