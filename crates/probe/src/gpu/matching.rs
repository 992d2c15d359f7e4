//! Which device of NVML's list is which on the PCI bus.

/// One GPU: its position on the bus and its position in the library's list, as far as it has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pair {
    pub on_bus: Option<usize>,
    pub in_library: Option<usize>,
}

/// Matches by address. A lost device has none: NVML lists devices in the order of their addresses
/// (`nvmlDeviceGetHandleByIndex`), so lost ones belong to the places that are left, in order, when
/// there are as many of them.
///
/// `shared` says that the bus also shows GPUs of others, as in a container: places that nothing
/// claims are then not this machine's.
pub(crate) fn pairs(
    bus: &[&str],
    library: &[Option<&str>],
    answered: bool,
    shared: bool,
) -> Vec<Pair> {
    let by_address = |address: &str| {
        library
            .iter()
            .position(|candidate| *candidate == Some(address))
    };
    let unclaimed: Vec<usize> = (0..bus.len())
        .filter(|at| by_address(bus[*at]).is_none())
        .collect();
    let lost: Vec<usize> = (0..library.len())
        .filter(|at| library[*at].is_none())
        .collect();
    let in_order = unclaimed.len() == lost.len();
    let mut pairs = Vec::new();
    for (at, address) in bus.iter().enumerate() {
        let left = unclaimed
            .iter()
            .position(|candidate| *candidate == at)
            .filter(|_| in_order);
        let in_library = by_address(address).or_else(|| left.map(|position| lost[position]));
        if in_library.is_some() || !(answered && shared) {
            pairs.push(Pair {
                on_bus: Some(at),
                in_library,
            });
        }
    }
    for (at, address) in library.iter().enumerate() {
        let shown = match address {
            Some(address) => bus.contains(address),
            // One of the places left is it; which one can't be told, and it must not count twice.
            None => in_order || !(unclaimed.is_empty() || shared),
        };
        if !shown {
            pairs.push(Pair {
                on_bus: None,
                in_library: Some(at),
            });
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_gpu_is_shown_once() {
        let (a, b, c) = ("0000:01:00.0", "0000:02:00.0", "0000:03:00.0");
        type Shown = [(Option<usize>, Option<usize>)];
        type Case<'a> = (&'a [&'a str], &'a [Option<&'a str>], bool, bool, &'a Shown);
        let cases: [Case<'_>; 9] = [
            (
                &[a, b],
                &[Some(a), Some(b)],
                true,
                false,
                &[(Some(0), Some(0)), (Some(1), Some(1))],
            ),
            (
                &[a, b],
                &[Some(b), Some(a)],
                true,
                false,
                &[(Some(0), Some(1)), (Some(1), Some(0))],
            ),
            // The library is silent.
            (
                &[a, b],
                &[],
                false,
                false,
                &[(Some(0), None), (Some(1), None)],
            ),
            (&[a], &[], false, true, &[(Some(0), None)]),
            // One or two are lost.
            (
                &[a, b],
                &[Some(a), None],
                true,
                false,
                &[(Some(0), Some(0)), (Some(1), Some(1))],
            ),
            (
                &[a, b, c],
                &[None, Some(b), None],
                true,
                false,
                &[(Some(0), Some(0)), (Some(1), Some(1)), (Some(2), Some(2))],
            ),
            (
                &[a, b, c],
                &[Some(a), None],
                true,
                false,
                &[(Some(0), Some(0)), (Some(1), None), (Some(2), None)],
            ),
            // A container was given one of two.
            (&[a, b], &[Some(b)], true, true, &[(Some(1), Some(0))]),
            // WSL's bus shows none.
            (&[], &[Some(a)], true, false, &[(None, Some(0))]),
        ];
        for (bus, library, answered, shared, shown) in cases {
            let found: Vec<_> = pairs(bus, library, answered, shared)
                .into_iter()
                .map(|pair| (pair.on_bus, pair.in_library))
                .collect();
            assert_eq!(found, shown, "{bus:?} {library:?}");
        }
    }
}
