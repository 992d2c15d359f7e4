//! What was seen of a machine, as one value that predicates are judged over.

use deskside_types::Facts;
use serde_json::{Map, Value, json};

/// The item that holds what a failed command said, or a log that was pasted.
pub const OUTPUT: &str = "output";

/// The item that holds how a command ended.
pub const EXIT: &str = "exit";

/// One text that was seen, or why it was not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// The file or command.
    pub source: String,
    /// Its text; else why it could not be seen.
    pub text: Result<String, String>,
}

impl Document {
    /// A text that was seen.
    pub fn text(source: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            source: source.into(),
            text: Ok(text.into()),
        }
    }

    /// A text that could not be seen.
    pub fn unseen(source: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            source: source.into(),
            text: Err(reason.into()),
        }
    }
}

/// Facts and evidence.
#[derive(Debug, Clone)]
pub struct Scene {
    root: Value,
    asked: bool,
}

impl Scene {
    /// A scene with facts, and nothing else looked at.
    pub fn new(facts: &Facts) -> Self {
        let mut root = serde_json::to_value(facts).unwrap_or(Value::Null);
        if let Some(fields) = root.as_object_mut() {
            fields.insert("evidence".into(), json!({ OUTPUT: [], EXIT: [] }));
        }
        Self { root, asked: false }
    }

    /// Somebody wants the output explained: causes of other things stand behind. Rules see it as the fact `asked`.
    pub fn ask(&mut self) {
        self.asked = true;
        self.root["asked"] = Value::Bool(true);
    }

    /// Whether somebody wants the output explained.
    pub fn is_asked(&self) -> bool {
        self.asked
    }

    /// Puts an item's documents in. An item without documents was looked for and is surely not there.
    pub fn put(&mut self, item: &str, documents: impl IntoIterator<Item = Document>) {
        let list: Vec<Value> = documents
            .into_iter()
            .map(|document| match document.text {
                Ok(text) => json!({ "source": document.source, "text": text }),
                Err(reason) => json!({ "source": document.source, "unknown": reason }),
            })
            .collect();
        self.evidence().insert(item.to_string(), Value::Array(list));
    }

    /// Adds to an item's documents.
    pub fn add(&mut self, item: &str, document: Document) {
        let mut documents = self.documents(item);
        documents.push(document);
        self.put(item, documents);
    }

    /// An item's documents; none when it is not there or was not looked at.
    pub fn documents(&self, item: &str) -> Vec<Document> {
        let list = self.root["evidence"][item].as_array();
        list.into_iter()
            .flatten()
            .map(|one| {
                let text = |name: &str| one[name].as_str().map(String::from);
                Document {
                    source: text("source").unwrap_or_default(),
                    text: text("text").ok_or_else(|| text("unknown").unwrap_or_default()),
                }
            })
            .collect()
    }

    /// Whether somebody looked at an item.
    pub fn has(&self, item: &str) -> bool {
        self.root["evidence"][item].is_array()
    }

    /// The value that predicates are judged over.
    pub fn root(&self) -> &Value {
        &self.root
    }

    /// Whether a platform's name (`linux`, `macos`, `wsl`) is this machine's.
    pub(crate) fn is_on(&self, platform: &str) -> bool {
        let system = &self.root["system"];
        match platform {
            "wsl" => system["wsl"]["version"].is_number(),
            kind => system["kind"].as_str() == Some(kind),
        }
    }

    fn evidence(&mut self) -> &mut Map<String, Value> {
        if !self.root["evidence"].is_object() {
            self.root["evidence"] = json!({});
        }
        match &mut self.root["evidence"] {
            Value::Object(fields) => fields,
            // Made an object above.
            _ => unreachable!("evidence is an object"),
        }
    }
}
