//! Machines with nothing installed.

use super::super::machine::*;
use super::*;

/// Nothing is installed: release × card × Secure Boot.
pub fn bare(table: &mut Table) {
    for version in ["22.04", "24.04", "26.04"] {
        for (card, name) in [
            (ADA, "Ada"),
            (BLACKWELL, "Blackwell"),
            (PASCAL, "Pascal"),
            (KEPLER, "Kepler"),
        ] {
            table.plain(
                "bare",
                &format!("Ubuntu {version}, {name}, Secure Boot on"),
                ubuntu(version, card, true),
                |_| {},
            );
        }
    }
    table.plain(
        "bare",
        "Ubuntu 22.04, Volta, Secure Boot off",
        ubuntu("22.04", VOLTA, false),
        |_| {},
    );
    table.plain(
        "bare",
        "Ubuntu 24.04, Hopper, Secure Boot off",
        ubuntu("24.04", HOPPER, false),
        |_| {},
    );
    table.plain(
        "bare",
        "Ubuntu 22.04, Turing, GA kernel",
        ubuntu("22.04", TURING, true),
        |facts| {
            kernel(facts, &["5.15.0-204-generic"]);
            add(facts, &["linux-image-generic 5.15.0.204"]);
            without(facts, "linux-image-generic-hwe-22.04");
        },
    );
    table.plain(
        "bare",
        "Ubuntu 22.04, Ada, GA kernel runs, HWE is newest",
        ubuntu("22.04", ADA, true),
        |facts| {
            kernel(facts, &["5.15.0-204-generic", "6.8.0-149-generic"]);
            facts.system.kernel = Known::Value("5.15.0-204-generic".into());
            add(facts, &["linux-image-generic 5.15.0.204"]);
        },
    );
    table.plain(
        "bare",
        "Ubuntu 24.04, Kepler, GA kernel without prebuilt 470, Secure Boot on",
        ubuntu("24.04", KEPLER, true),
        |facts| {
            kernel(facts, &["6.8.0-151-generic"]);
            add(facts, &["linux-image-generic 6.8.0.151"]);
            without(facts, "linux-image-generic-hwe-24.04");
        },
    );
    table.plain(
        "bare",
        "Ubuntu 24.04, Ada, a kernel of one's own, Secure Boot on",
        ubuntu("24.04", ADA, true),
        |facts| kernel(facts, &["6.18.2-xanmod1"]),
    );
    table.plain(
        "bare",
        "Ubuntu 24.04, Ada, a kernel of one's own, Secure Boot off",
        ubuntu("24.04", ADA, false),
        |facts| kernel(facts, &["6.18.2-xanmod1"]),
    );
    table.plain(
        "bare",
        "Ubuntu 24.04, Pascal and Ada",
        ubuntu("24.04", "1b06 2684", true),
        |_| {},
    );
    table.plain(
        "bare",
        "Ubuntu 24.04, Pascal and Blackwell: no driver for both",
        ubuntu("24.04", "1b06 2b85", true),
        |_| {},
    );
    table.plain(
        "bare",
        "Ubuntu 24.04, Kepler and Ada: no driver for both",
        ubuntu("24.04", "102d 2684", true),
        |_| {},
    );
    table.plain(
        "bare",
        "Ubuntu 24.04, Ada and Blackwell",
        ubuntu("24.04", "2684 2b85", true),
        |_| {},
    );
    table.plain(
        "bare",
        "Ubuntu 24.04, a card in no table",
        ubuntu("24.04", "unknown", true),
        |_| {},
    );
    table.wish(
        "bare",
        "Ubuntu 24.04, Ada, 595 wished",
        &["driver=595"],
        ubuntu("24.04", ADA, true),
        |_| {},
    );
    table.wish(
        "bare",
        "Ubuntu 24.04, Pascal, 595 wished",
        &["driver=595"],
        ubuntu("24.04", PASCAL, true),
        |_| {},
    );
}
