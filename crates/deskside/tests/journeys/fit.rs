//! Will it fit: the answer in text and JSON, and what is refused.

use crate::person::Person;

#[test]
fn fit_answers_and_refuses() {
    let person = Person::new();
    let said = person.says(&["fit", "meta-llama/Llama-3.1-8B", "--on", "RTX 4090"]);
    assert_eq!(said.code, 0, "{}", said.talk);
    for word in ["weights", "cache", "RTX 4090", "fits", "at most"] {
        assert!(said.out.contains(word), "{word}: {}", said.out);
    }
    let said = person.says(&["--json", "fit", "70b", "--on", "RTX 4090"]);
    let report: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(report["schema"], "deskside.fit");
    assert_eq!(report["advice"]["places"][0]["verdict"], "too-large");
    for arguments in [
        &["fit"][..],
        &["fit", "8B", "--rank", "8"],
        &["fit", "8B", "--train", "full", "--rank", "8"],
        &["fit", "8B", "--train", "qlora", "--format", "bf16"],
        &["fit", "8B", "--batch", "0"],
        &["fit", "8B", "--tokens", "-1"],
        &["fit", "8B", "--on", "Voodoo 2"],
        &["fit", "8B", "--format", "q99"],
    ] {
        assert_eq!(person.says(arguments).code, 2, "{arguments:?}");
    }
    assert_eq!(person.says(&["fit", "nobody-knows-it"]).code, 1);
    let table = person.write("mine.csv", "id,metric,phase,model,weights,framework,gpu\nmine,decode_tps,infer,8B,Q4_K_M,llama.cpp,RTX 4090\n");
    let said = person.says(&["fit", "--table", table.to_str().unwrap()]);
    assert_eq!(said.code, 0, "{}", said.talk);
    assert!(
        said.out.contains("mine") && said.out.contains("decode_tps"),
        "{}",
        said.out
    );
}
