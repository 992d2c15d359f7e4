//! The JSON schemas of every answer.

use crate::Answer;
use schemars::Schema;
use serde_json::{Map, Value, json};

/// Every answer's schema by its name, as one JSON object.
pub fn all() -> Value {
    let mut schemas = Map::new();
    for (name, version, schema) in each() {
        let mut schema = Value::from(schema);
        if let Some(Value::Object(properties)) = schema.get_mut("properties") {
            properties.insert("schema".into(), json!({ "const": name }));
            properties.insert("version".into(), json!({ "const": version }));
        }
        schemas.insert(name.to_string(), schema);
    }
    Value::Object(schemas)
}

fn each() -> Vec<(&'static str, u32, Schema)> {
    vec![
        of::<crate::apply::ApplyReport>(),
        of::<crate::choose::ChooseReport>(),
        of::<crate::cost::CostReport>(),
        of::<crate::cost::SinceReport>(),
        of::<crate::doctor::DoctorReport>(),
        of::<crate::environment::ChangePlanReport>(),
        of::<crate::environment::ChangeReport>(),
        of::<crate::environment::check::CheckReport>(),
        of::<crate::environment::diff::DiffReport>(),
        of::<crate::environment::gc::GcPreview>(),
        of::<crate::environment::gc::GcReport>(),
        of::<crate::environment::history::EnvironmentHistoryReport>(),
        of::<crate::environment::keep::SnapshotReport>(),
        of::<crate::environment::WhyReport>(),
        of::<crate::explain::ChangeReport>(),
        of::<crate::explain::ExplainReport>(),
        of::<crate::fit::FitReport>(),
        of::<crate::fit::CalibrationReport>(),
        of::<crate::fit::EarlierReport>(),
        of::<crate::fit::TableReport>(),
        of::<crate::history::HistoryReport>(),
        of::<crate::info::InfoReport>(),
        of::<crate::notebook::KernelReport>(),
        of::<crate::offers::OffersReport>(),
        of::<crate::offers::OffersChangedReport>(),
        of::<crate::offers::RefreshReport>(),
        of::<crate::plan::SystemPlanReport>(),
        of::<crate::queue::ActReport>(),
        of::<crate::queue::CardsReport>(),
        of::<crate::queue::PsReport>(),
        of::<crate::queue::QueueReport>(),
        of::<crate::queue::QueuedReport>(),
        of::<crate::queue::WaitReport>(),
        of::<crate::run::RunReport>(),
        of::<crate::runs::CodeDiffReport>(),
        of::<crate::runs::ReindexReport>(),
        of::<crate::runs::RunsReport>(),
        of::<crate::runs::ShowReport>(),
        of::<crate::sampler::SamplerReport>(),
        of::<crate::space::GcReport>(),
        of::<crate::space::KeepReport>(),
        of::<crate::space::SpaceReport>(),
        of::<crate::top::TopReport>(),
        of::<crate::sweep::BestReport>(),
        of::<crate::sweep::SweepActReport>(),
        of::<crate::sweep::SweepBegun>(),
        of::<crate::sweep::SweepPlanReport>(),
        of::<crate::sweep::SweepReport>(),
        of::<crate::sweep::SweepsReport>(),
        of::<crate::undo::UndoPreview>(),
        of::<crate::undo::UndoReport>(),
        of::<crate::up::PlanReport>(),
        of::<crate::up::UpReport>(),
        of::<crate::usage::UsageReport>(),
    ]
}

fn of<T: Answer>() -> (&'static str, u32, Schema) {
    (T::SCHEMA, T::VERSION, schemars::schema_for!(T))
}
