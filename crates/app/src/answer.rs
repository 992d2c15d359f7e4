//! What every answer has in common: a schema's name and version around its body.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

/// An answer to a command: one struct for text and JSON.
pub trait Answer: Serialize + JsonSchema {
    /// The schema's name, for example `deskside.info`.
    const SCHEMA: &'static str;
    /// Its version: raised when a field changes its meaning or goes away.
    const VERSION: u32 = 1;

    /// The answer as one JSON object, with `schema` and `version` first.
    fn json(&self) -> Value {
        let mut object = Map::new();
        object.insert("schema".into(), Self::SCHEMA.into());
        object.insert("version".into(), Self::VERSION.into());
        // Reports are structs of plain data, so they always become an object.
        if let Ok(Value::Object(body)) = serde_json::to_value(self) {
            object.extend(body);
        }
        Value::Object(object)
    }
}
