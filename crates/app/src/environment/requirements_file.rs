//! Requirements files: what of one goes into a project, and what of it was passed over.

use super::init::file_name;
use crate::Context;
use deskside_envs::build::specifier::requirement;
use deskside_envs::manifest::{Manifest, pip};
use deskside_envs::project::requirements::{self, Requirements};
use deskside_machine::Reading;
use std::path::Path;

/// Takes over what a requirements file says.
pub(super) fn take_in(
    context: &Context,
    folder: &Path,
    path: &Path,
    read: &Requirements,
    manifest: &mut Manifest,
    why: &mut Vec<String>,
    warnings: &mut Vec<String>,
) {
    let machine = &*context.machine;
    let mut taken = pip::take(machine, folder, read);
    let file = file_name(path);
    if taken.own {
        let is_built = |name: &str| machine.exists(folder.join(name)).unwrap_or(false);
        if manifest.is_package() {
        } else if is_built("setup.py") || is_built("setup.cfg") {
            manifest.set_package();
            why.push("the project's own code is installed too, as `-e .` asked; its packages are those of pyproject.toml now, not of setup.py".into());
        } else {
            taken.left_out.push("`-e .`: the folder has no setup.py and no pyproject.toml that says how it is built".into());
        }
    }
    manifest.take_in(&taken);
    why.extend(taken.notes);
    let left_out = taken.left_out.iter();
    warnings.extend(left_out.map(|line| format!("left out of {file}: {line}")));
    warnings.extend(taken.doubles.iter().map(|told| format!("{file}: {told}")));
    let unread = read.unread.iter();
    warnings.extend(unread.map(|what| format!("{file} names {what}, which was not read")));
    warnings.extend(
        read.unreadable
            .iter()
            .map(|line| format!("left out: {line}")),
    );
}

/// What a requirements file asks for that the project does not: once there is a pyproject.toml the file is not read again.
pub(super) fn passed_over(context: &Context, folder: &Path, manifest: &Manifest) -> Option<String> {
    let machine = &*context.machine;
    let name = "requirements.txt";
    if !machine.exists(folder.join(name)).ok()? {
        return None;
    }
    let read = requirements::read(machine, &folder.join(name));
    let mut taken = pip::take(machine, folder, &read);
    let in_extras: Vec<String> = manifest
        .extras()
        .values()
        .flatten()
        .filter_map(|line| Some(requirement(line)?.0))
        .collect();
    taken.requirements.retain(|line| {
        let name = requirement(line).map(|(name, _)| name);
        name.is_none_or(|name| !in_extras.contains(&name))
    });
    let own = manifest.dependencies();
    let new: Vec<String> = taken
        .requirements
        .into_iter()
        .filter(|line| !own.contains(line))
        .collect();
    (!new.is_empty()).then(|| {
        format!(
            "{name} was not read again, since pyproject.toml names the packages; it asks for {} beside: to take it over, deskside env init --from {name}",
            super::restoring::listed(&new)
        )
    })
}
