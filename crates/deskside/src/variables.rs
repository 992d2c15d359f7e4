//! The environment variables Deskside itself looks at: one table, which is also the documentation.

use deskside_app::Machine;
use deskside_app::machine::Reading;
use deskside_tui::Surroundings;
use jiff::tz::TimeZone;

/// An environment variable and what it does.
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// What it does.
    pub effect: &'static str,
}

/// Every variable that Deskside looks at.
pub const VARIABLES: &[Variable] = &[
    Variable {
        name: "DESKSIDE_HOME",
        effect: "Keeps everything of Deskside (runs, journal, tools, first projects) in this folder instead of the XDG directories.",
    },
    Variable {
        name: "DESKSIDE_RUN",
        effect: "Set by `deskside run` for the command it starts: the run's folder, which the Python module adopts.",
    },
    Variable {
        name: "DESKSIDE_FAULT",
        effect: "For tests only: fail or die at the n-th effect, for example `die-before@7`.",
    },
    Variable {
        name: "DESKSIDE_SUPERVISOR_FAULT, DESKSIDE_KEEPER_FAULT, DESKSIDE_SWEEP_FAULT",
        effect: "For tests only: the same in the processes that run jobs, keep the queue and drive sweeps; `die-before@7!FILE` only once, which makes FILE.",
    },
    Variable {
        name: "DESKSIDE_JOB, DESKSIDE_SUPERVISOR",
        effect: "Set for a queued command: its job's number, and the process that watches it.",
    },
    Variable {
        name: "XDG_RUNTIME_DIR",
        effect: "Where variables of queued jobs that are not written to the disk are kept in memory; else /dev/shm.",
    },
    Variable {
        name: "XDG_DATA_HOME, XDG_STATE_HOME, XDG_CACHE_HOME, XDG_CONFIG_HOME",
        effect: "Where runs and tools, the journal, downloads, and settings lie.",
    },
    Variable {
        name: "UV_DEFAULT_INDEX, UV_INDEX_URL, PIP_INDEX_URL",
        effect: "The package index, in this order; after them uv's and pip's configuration files.",
    },
    Variable {
        name: "PIP_FIND_LINKS, PIP_CONFIG_FILE",
        effect: "Further places for packages; pip's configuration file.",
    },
    Variable {
        name: "DESKSIDE_PYTORCH_INDEX",
        effect: "A mirror of PyTorch's own indexes: the address below which cpu, cu126, … lie. User name and password don't belong in it; uv takes them from ~/.netrc.",
    },
    Variable {
        name: "UV_PYTHON_INSTALL_MIRROR",
        effect: "Where uv fetches Python interpreters from.",
    },
    Variable {
        name: "SSL_CERT_FILE, PIP_CERT, REQUESTS_CA_BUNDLE",
        effect: "The certificates to trust, in this order; else the system's.",
    },
    Variable {
        name: "HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY",
        effect: "The proxy for downloads.",
    },
    Variable {
        name: "HF_ENDPOINT",
        effect: "The hub whose models `fit` reads headers of; else https://huggingface.co.",
    },
    Variable {
        name: "HF_TOKEN, HUGGING_FACE_HUB_TOKEN, HF_TOKEN_PATH",
        effect: "A token for the hub, or the file that holds it (else HF_HOME/token); read only where the hub asks for one, and never kept or shown.",
    },
    Variable {
        name: "HF_HUB_CACHE, HF_HOME",
        effect: "Where `fit` looks for models that were downloaded from the hub, in this order; else ~/.cache/huggingface.",
    },
    Variable {
        name: "NO_COLOR, CLICOLOR_FORCE, TERM=dumb",
        effect: "No colour; colour also in pipes; no colour and no moving progress.",
    },
    Variable {
        name: "TZ",
        effect: "The time zone that times are shown in; else the system's. JSON has UTC.",
    },
    Variable {
        name: "COLUMNS",
        effect: "The width of answers that don't go to a terminal.",
    },
    Variable {
        name: "LC_ALL, LC_CTYPE, LANG",
        effect: "Without UTF-8 in the first that is set, only ASCII is printed.",
    },
];

/// What of the environment decides about the screen.
pub fn surroundings(machine: &dyn Machine) -> Surroundings {
    let set = |name: &str| machine.variable(name).filter(|value| !value.is_empty());
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(set);
    Surroundings {
        no_colour: set("NO_COLOR").is_some(),
        force_colour: set("CLICOLOR_FORCE").is_some_and(|value| value != "0"),
        dumb: set("TERM").is_some_and(|value| value == "dumb"),
        // A locale that is not set at all says nothing; today's terminals take UTF-8.
        unicode: locale
            .is_none_or(|value| value.to_ascii_lowercase().replace('-', "").contains("utf8")),
        columns: set("COLUMNS")
            .and_then(|value| value.parse().ok())
            .filter(|columns| *columns > 0),
        home: set("HOME"),
        zone: zone(machine, set("TZ").as_deref()),
    }
}

/// The person's time zone: `TZ` where it names one, else the system's.
fn zone(machine: &dyn Machine, name: Option<&str>) -> Option<TimeZone> {
    let path = match name.map(|name| name.trim_start_matches(':')) {
        None => "/etc/localtime".to_string(),
        Some(path) if path.starts_with('/') => path.to_string(),
        Some(name) => match TimeZone::posix(name) {
            Ok(zone) => return Some(zone),
            Err(_) => format!("/usr/share/zoneinfo/{name}"),
        },
    };
    TimeZone::tzif(&path, &machine.file(&path, 1 << 20).ok()?).ok()
}
