//! Every command that the documentation shows is run.

use crate::support::{Sandbox, repository, tool};

/// The lines of shell blocks that run `distri`.
fn commands(text: &str) -> Vec<String> {
    let mut commands = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        if line.starts_with("```") {
            inside = line == "```sh";
        } else if inside && line.starts_with("distri ") {
            commands.push(line.to_owned());
        }
    }
    commands
}

/// Words of a line as a shell would split them, as far as the documentation
/// needs it: single quotes.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for c in line.chars() {
        match c {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            c => words.last_mut().unwrap().push(c),
        }
    }
    words.into_iter().filter(|word| !word.is_empty()).collect()
}

/// Line by line, in a folder that has `examples/`, as the repository does.
#[test]
fn every_command_in_the_readme_works() {
    let examples = Sandbox::with(&[]);
    crate::support::copy(Sandbox::examples().path(), &examples.path().join("examples"));
    let readme = std::fs::read_to_string(repository().join("README.md")).unwrap();
    let commands = commands(&readme);
    assert!(commands.len() >= 5, "{commands:?}");
    for command in commands {
        let words = words(&command);
        let args: Vec<&str> = words[1..].iter().map(String::as_str).collect();
        let run = examples.distri(&args);
        assert_eq!(run.code, 0, "{command}: {run:#?}");
    }
}

/// The first block of this language.
fn block<'a>(text: &'a str, language: &str) -> &'a str {
    let (_, rest) = text.split_once(&format!("```{language}\n")).unwrap();
    rest.split_once("```").unwrap().0
}

#[test]
fn the_page_on_capabilities_works() {
    let page = std::fs::read_to_string(repository().join("docs/capabilities.md")).unwrap();
    let sandbox = Sandbox::with(&[("key.txt", "a key\n"), ("data/note.txt", "a note")]);
    let head = "package = \"weather\"\nversion = \"0.1.0\"\n[entrypoints]\nts = \"index.ts\"\n";
    sandbox.write("plugins/weather/distri.toml", &format!("{head}{}", block(&page, "toml")));
    sandbox.write("plugins/weather/index.ts", &tool("today", "return \"fair\";"));
    let (_, policy) = page.split_once("### A policy").unwrap();
    sandbox.write("distri.policy.toml", block(policy, "toml"));
    let commands = commands(&page);
    assert!(commands.len() >= 10, "{commands:?}");
    for command in commands {
        let (command, input) = match command.split_once(" < ") {
            Some((command, file)) => {
                (command, std::fs::read_to_string(sandbox.path().join(file)).unwrap())
            }
            None => (command.as_str(), String::new()),
        };
        let words = words(command);
        let args: Vec<&str> = words[1..].iter().map(String::as_str).collect();
        let run = sandbox.distri_with_input(&args, &input);
        assert_eq!(run.code, 0, "{command}: {run:#?}");
    }
}

#[test]
fn the_plugins_in_the_readme_work() {
    let readme = std::fs::read_to_string(repository().join("README.md")).unwrap();
    let examples = Sandbox::examples();
    examples.write("plugins/greeter/mod.ts", block(&readme, "ts"));
    examples.write("plugins/checksum/src/lib.rs", block(&readme, "rust"));
    examples.build();
    let greet =
        |name: &str| examples.distri(&["call", name, "--input", "{\"name\":\"Ada\"}"]).json();
    assert_eq!(greet("greeter/greet"), serde_json::json!({ "greeting": "Hello, Ada!" }));
    assert_eq!(greet("checksum/greet"), "Hello, Ada!");
}

#[test]
fn every_help_shows_examples() {
    let sandbox = Sandbox::with(&[]);
    for command in [
        "build",
        "new",
        "check",
        "list",
        "call",
        "run",
        "inspect",
        "approve",
        "grants",
        "secrets",
        "wit",
        "conformance",
        "completions",
    ] {
        let run = sandbox.distri(&[command, "--help"]);
        assert_eq!(run.code, 0);
        assert!(run.stdout.contains("Examples:\n  distri "), "{run:#?}");
    }
    let run = sandbox.distri(&["completions", "bash"]);
    assert!(run.stdout.contains("_distri"), "{run:#?}");
}
