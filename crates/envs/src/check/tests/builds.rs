//! CUDA, NumPy and the frameworks.

use super::*;

#[test]
fn the_cuda_and_numpy_families() {
    let torch = |fixture: &Fixture, version: &str, cuda: &str| {
        let text = format!(
            "__version__ = '{version}'\ncuda: Optional[str] = {cuda}\nhip: Optional[str] = None\n"
        );
        fixture.with(
            "torch",
            version.split('+').next().unwrap(),
            &[],
            &[
                ("only:torch/version.py", &text),
                ("torch/__init__.py", "x = 1\n"),
            ],
        );
    };
    let fixture = Fixture::new();
    fixture.with("nvidia-cudnn-cu12", "9.1.0", &[], &[]).with(
        "nvidia-cudnn-cu11",
        "8.9.0",
        &[],
        &[],
    );
    assert!(fixture.only("cuda-mixed").cause.contains("11 and 12"));
    let fixture = Fixture::new();
    fixture
        .with("nvidia-cuda-runtime", "13.0.2", &[], &[])
        .with("nvidia-cublas-cu12", "12.8.0", &[], &[]);
    assert!(fixture.only("cuda-mixed").cause.contains("12 and 13"));
    let fixture = Fixture::new();
    fixture
        .with("nvidia-cuda-runtime", "13.0.2", &[], &[])
        .with("nvidia-cudnn-cu13", "9.9.0", &[], &[])
        .with("nvidia-cufft", "12.0.0", &[], &[])
        .with("nvidia-ml-py", "13.580.0", &[], &[]);
    assert_eq!(fixture.ids(), Vec::<String>::new());

    for (capability, driver, version, cuda, id) in [
        (
            "8.6",
            "535.183.01",
            "2.11.0+cu130",
            "'13.0'",
            "driver-too-old",
        ),
        ("8.6", "580.95.05", "2.11.0+cu130", "'13.0'", ""),
        ("8.6", "580.95.05", "2.11.0+cpu", "None", "gpu-unused"),
        (
            "7.0",
            "580.95.05",
            "2.11.0+cu130",
            "'13.0'",
            "no-code-for-this-gpu",
        ),
    ] {
        let mut fixture = Fixture::new();
        fixture.facts = nvidia(&[capability], Some(driver));
        torch(&fixture, version, cuda);
        let expected: Vec<&str> = Some(id).filter(|id| !id.is_empty()).into_iter().collect();
        assert_eq!(fixture.ids(), expected, "{capability} {driver} {version}");
    }
    let fixture = Fixture::new();
    torch(&fixture, "2.5.1+cu124", "'12.4'");
    fixture.with("torchvision", "0.21.0", &["torch==2.6.0"], &[]);
    let pair = fixture.only("torch-pair");
    assert_eq!(pair.consequences.len(), 1, "{pair:#?}");
    // What torchvision 0.26.0+cu130 has in its version.py, beside the torch that it is built for: seen on a machine where both work.
    let fixture = Fixture::new();
    torch(&fixture, "2.11.0+cu130", "'13.0'");
    fixture.with(
        "torchvision",
        "0.26.0",
        &["torch==2.11.0"],
        &[(
            "only:torchvision/version.py",
            "__version__ = '0.26.0+cu130'\ngit_version = '336d36e8db990a905498c73933e35231876e28da'\nfrom torchvision.extension import _check_cuda_version\nif _check_cuda_version() > 0:\n    cuda = _check_cuda_version()\n",
        )],
    );
    assert!(fixture.ids().is_empty(), "{:?}", fixture.ids());
    // By the table of releases, not by counting: 0.29 goes with 2.14 and with 2.15. What the table does not have is not judged.
    for (own, its) in [
        ("2.15.0", "0.29.2"),
        ("2.14.1", "0.29.2"),
        ("2.99.0", "0.77.0"),
    ] {
        let fixture = Fixture::new();
        torch(&fixture, &format!("{own}+cu130"), "'13.0'");
        fixture.with("torchvision", its, &[&format!("torch=={own}")], &[]);
        assert!(fixture.ids().is_empty(), "{own} {its}: {:?}", fixture.ids());
    }
    let fixture = Fixture::new();
    fixture
        .with("jaxlib", "0.8.0", &[], &[])
        .with("jax-cuda12-plugin", "0.7.0", &[], &[]);
    fixture.only("jax-plugin-version");
    let fixture = Fixture::new();
    torch(&fixture, "2.12.0+cu130", "'13.0'");
    fixture
        .with("tensorflow", "2.20.0", &[], &[])
        .with("nvidia-cublas-cu12", "12.8.0", &[], &[]);
    fixture.only("frameworks-of-two-cudas");

    let fixture = Fixture::new();
    fixture
        .with("numpy", "2.1.3", &[], &[])
        .with("pandas", "2.0.3", &["numpy>=1.21"], &[]);
    fixture.only("numpy-interface");
    // What nobody listed is told by its compiled files.
    for (inside, ids) in [
        ("numpy.core._multiarray_umath", vec!["numpy-interface"]),
        (
            "numpy._core._multiarray_umath numpy.core._multiarray_umath",
            vec![],
        ),
    ] {
        let fixture = Fixture::new();
        fixture.with("numpy", "2.1.3", &[], &[]).with(
            "oldie",
            "1.0",
            &["numpy>=1.21"],
            &[("oldie_core.so", inside)],
        );
        assert_eq!(fixture.ids(), ids);
    }
}
