//! A sweep in a file: TOML with the words of the command line.

use deskside_runs::sweep::{Parameter, template};
use std::collections::BTreeMap;

/// What a file says.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SweepFile {
    /// The command, word by word; empty where it names none.
    pub command: Vec<String>,
    /// The parameters, in the file's order.
    pub parameters: Vec<Parameter>,
    /// Everything else, as words of a command line: `--trials=40`.
    pub options: Vec<String>,
}

/// Reads a file's text.
///
/// # Errors
/// What can't be understood, in words.
pub fn read_file(text: &str) -> Result<SweepFile, String> {
    let table: toml::Table = toml::from_str(text).map_err(|error| error.to_string())?;
    let mut file = SweepFile::default();
    let order: BTreeMap<&str, usize> = text
        .lines()
        .enumerate()
        .filter_map(|(at, line)| Some((line.split_once('=')?.0.trim().trim_matches('"'), at)))
        .collect();
    for (key, value) in &table {
        match (key.as_str(), value) {
            ("command", toml::Value::String(text)) => {
                file.command = template::split(text).map_err(|problem| problem.message)?;
            }
            ("command", toml::Value::Array(words)) => {
                file.command = words
                    .iter()
                    .map(|word| plain(key, word))
                    .collect::<Result<_, _>>()?;
            }
            ("parameters", toml::Value::Table(parameters)) => {
                for (name, value) in parameters {
                    let parameter = match value {
                        toml::Value::Array(values) => {
                            let values = values
                                .iter()
                                .map(|value| plain(name, value))
                                .collect::<Result<_, _>>()?;
                            Parameter::choice(name, values)
                        }
                        toml::Value::String(text) => Parameter::of(name, text),
                        other => Parameter::of(name, &format!("fixed:{}", plain(name, other)?)),
                    };
                    file.parameters
                        .push(parameter.map_err(|problem| problem.to_string())?);
                }
                file.parameters
                    .sort_by_key(|one| order.get(one.name.as_str()).copied().unwrap_or(usize::MAX));
            }
            ("set-env", toml::Value::Table(variables)) => {
                for (name, value) in variables {
                    file.options
                        .push(format!("--set-env={name}={}", plain(name, value)?));
                }
            }
            ("plan" | "detach" | "yes" | "file" | "command" | "parameters" | "set-env", _) => {
                return Err(format!("{key} can't be said so in a file"));
            }
            (_, toml::Value::Boolean(true)) => file.options.push(format!("--{key}")),
            (_, toml::Value::Boolean(false)) => {}
            ("seeds", toml::Value::Array(values)) => {
                let values: Vec<String> = values
                    .iter()
                    .map(|value| plain(key, value))
                    .collect::<Result<_, _>>()?;
                file.options.push(format!("--seeds={}", values.join(",")));
            }
            (_, toml::Value::Array(values)) => {
                for value in values {
                    file.options.push(format!("--{key}={}", plain(key, value)?));
                }
            }
            (_, value) => file.options.push(format!("--{key}={}", plain(key, value)?)),
        }
    }
    Ok(file)
}

fn plain(key: &str, value: &toml::Value) -> Result<String, String> {
    Ok(match value {
        toml::Value::String(text) => text.clone(),
        toml::Value::Integer(number) => number.to_string(),
        toml::Value::Float(number) => {
            let size = number.abs();
            if *number != 0.0 && !(1e-4..1e15).contains(&size) {
                format!("{number:e}")
            } else {
                number.to_string()
            }
        }
        toml::Value::Boolean(flag) => flag.to_string(),
        toml::Value::Table(inner) if !inner.is_empty() => {
            let inner = inner.keys().next().map_or("", String::as_str);
            return Err(format!(
                "a name with a dot needs quotes: \"{key}.{inner}\" = …"
            ));
        }
        _ => return Err(format!("{key}: expected a text or a number")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_says_what_a_command_line_says() {
        let file = read_file(
            "command = \"python t.py --lr {lr} 'a b'\"\ntrials = 40\nearly-stop = 'median'\nlive = true\nshare = false\n\
             seeds = [7, 11]\ntag = ['a=1', 'b=2']\n[parameters]\nlr = 'log:1e-5..1e-2'\ndepth = [2, 4]\nbn = true\neps = 1e-8\n\
             [set-env]\nX = '{depth}'\n",
        )
        .unwrap();
        assert_eq!(file.command, ["python", "t.py", "--lr", "{lr}", "a b"]);
        let names: Vec<&str> = file
            .parameters
            .iter()
            .map(|one| one.name.as_str())
            .collect();
        assert_eq!(names, ["lr", "depth", "bn", "eps"], "in the file's order");
        assert_eq!(file.parameters[1], "depth=2,4".parse().unwrap());
        assert_eq!(file.parameters[3], "eps=1e-8".parse().unwrap());
        let mut options = file.options;
        options.sort();
        assert_eq!(
            options,
            [
                "--early-stop=median",
                "--live",
                "--seeds=7,11",
                "--set-env=X={depth}",
                "--tag=a=1",
                "--tag=b=2",
                "--trials=40"
            ]
        );
    }

    #[test]
    fn what_can_not_be_understood_is_said() {
        for text in [
            "x = ",
            "command = 1",
            "[parameters]\nlr = 'log:0..1'",
            "plan = true",
            "[other]\na = 1",
            "parameters = 1",
        ] {
            assert!(read_file(text).is_err(), "{text}");
        }
    }
}
