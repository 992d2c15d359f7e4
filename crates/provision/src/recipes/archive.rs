//! Components of the distribution's own archive that must be switched on.

use crate::draft::Draft;
use crate::present::Present;

/// Whether a component is switched on, as far as the sources show; where it is not, a note says how it is.
pub(crate) fn component(present: &Present<'_>, draft: &mut Draft, component: Option<&str>) -> bool {
    let Some(component) = component else {
        return true;
    };
    let sources = present.sources();
    let of_distribution = |source: &&&deskside_types::facts::PackageSource| {
        source.suite.starts_with(&present.platform.codename)
            && source.components.iter().any(|one| one == "main")
    };
    let entries: Vec<_> = sources.iter().filter(of_distribution).collect();
    if entries.is_empty()
        || entries
            .iter()
            .any(|entry| entry.components.iter().any(|one| one == component))
    {
        return true;
    }
    draft.block(
        format!("the component {component} of {}'s archive is not switched on: add it behind `main` in {}", present.platform.name, entries[0].file),
        &[&format!("sudoedit {}", entries[0].file), "sudo apt update"],
    );
    false
}
