//! Which parts of the web platform a plugin uses. A script pays only for those:
//! the SDK's modules that make them are bundled before the plugin's own.

use oxc::allocator::Allocator;
use oxc::ast::ast::{IdentifierName, StringLiteral, TemplateElement};
use oxc::ast_visit::Visit;
use oxc::parser::Parser;
use oxc::semantic::SemanticBuilder;
use oxc::span::SourceType;

use crate::sdk;

/// The modules of the SDK that make globals, with the names of those. What the
/// engine has itself is not among them.
const PROVIDERS: &[(&str, &[&str])] = &[
    ("runtime/console.ts", &["console"]),
    ("runtime/web/self.ts", &["self"]),
    ("runtime/web/events.ts", &["Event", "CustomEvent", "EventTarget"]),
    ("runtime/web/abort.ts", &["AbortController", "AbortSignal"]),
    (
        "runtime/web/timers.ts",
        &[
            "setTimeout",
            "setInterval",
            "setImmediate",
            "clearTimeout",
            "clearInterval",
            "clearImmediate",
        ],
    ),
    ("runtime/web/text.ts", &["TextEncoder", "TextDecoder"]),
    ("runtime/web/search.ts", &["URLSearchParams"]),
    ("runtime/web/url.ts", &["URL"]),
    (
        "runtime/web/streams.ts",
        &[
            "ByteLengthQueuingStrategy",
            "CountQueuingStrategy",
            "ReadableByteStreamController",
            "ReadableStream",
            "ReadableStreamBYOBReader",
            "ReadableStreamBYOBRequest",
            "ReadableStreamDefaultController",
            "ReadableStreamDefaultReader",
            "TransformStream",
            "TransformStreamDefaultController",
            "WritableStream",
            "WritableStreamDefaultController",
            "WritableStreamDefaultWriter",
        ],
    ),
    ("runtime/web/text-streams.ts", &["TextDecoderStream", "TextEncoderStream"]),
    ("runtime/web/headers.ts", &["Headers"]),
    ("runtime/web/request.ts", &["Request"]),
    ("runtime/web/response.ts", &["Response"]),
    ("runtime/web/fetch.ts", &["fetch"]),
    ("runtime/node/process.ts", &["process"]),
];

/// What gives a program the object that holds all globals: with it in hand, any
/// name may be one.
const GLOBAL_OBJECT: [&str; 4] = ["globalThis", "self", "Function", "eval"];

/// The ids of the modules that make the globals that these scripts use, in the
/// order in which they are to be imported.
pub(crate) fn wanted<'a>(scripts: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let used: Vec<Names> = scripts.into_iter().map(names).collect();
    // The object may be taken in one module and used in another.
    let held = used.iter().any(|names| GLOBAL_OBJECT.iter().any(|global| names.is_free(global)));
    let is_used = |name: &str| {
        used.iter().any(|names| names.is_free(name) || (held && names.is_mentioned(name)))
    };
    PROVIDERS
        .iter()
        .filter(|(_, made)| made.iter().any(|name| is_used(name)))
        .map(|(module, _)| sdk::id(module))
        .collect()
}

/// The names in a script.
enum Names {
    Read {
        /// Those that it uses and does not declare.
        free: Vec<String>,
        /// Names of properties, and whole texts.
        mentioned: Vec<String>,
    },
    /// A script that cannot be read: whatever its text has in it.
    Text(String),
}

impl Names {
    fn is_free(&self, name: &str) -> bool {
        match self {
            Self::Read { free, .. } => free.iter().any(|known| known == name),
            Self::Text(text) => text.contains(name),
        }
    }

    fn is_mentioned(&self, name: &str) -> bool {
        match self {
            Self::Read { mentioned, .. } => mentioned.iter().any(|known| known == name),
            Self::Text(text) => text.contains(name),
        }
    }
}

fn names(script: &str) -> Names {
    let allocator = Allocator::default();
    let parsed = Parser::new(&allocator, script, SourceType::mjs()).parse();
    if parsed.panicked {
        return Names::Text(script.to_owned());
    }
    let semantic = SemanticBuilder::new().build(&parsed.program).semantic;
    let free = semantic.scoping().root_unresolved_references().keys();
    let mut mentions = Mentions(Vec::new());
    mentions.visit_program(&parsed.program);
    Names::Read { free: free.map(ToString::to_string).collect(), mentioned: mentions.0 }
}

/// Collects what could name a property of the global object.
struct Mentions(Vec<String>);

impl<'a> Visit<'a> for Mentions {
    fn visit_identifier_name(&mut self, name: &IdentifierName<'a>) {
        self.0.push(name.name.to_string());
    }

    fn visit_string_literal(&mut self, literal: &StringLiteral<'a>) {
        self.0.push(literal.value.to_string());
    }

    fn visit_template_element(&mut self, element: &TemplateElement<'a>) {
        self.0.push(element.value.raw.to_string());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn modules(script: &str) -> Vec<String> {
        wanted([script])
            .into_iter()
            .map(|id| id.rsplit('/').next().unwrap_or_default().to_owned())
            .collect()
    }

    #[test]
    fn used_globals_are_found_in_every_form() {
        for (script, module) in [
            ("new URL('http://x')", "url.ts"),
            ("export const f = () => typeof fetch", "fetch.ts"),
            ("globalThis.fetch('x')", "fetch.ts"),
            ("globalThis['fetch']('x')", "fetch.ts"),
            ("const { fetch: f } = globalThis; f()", "fetch.ts"),
            ("const root = globalThis; root.fetch()", "fetch.ts"),
            ("const root = globalThis; root[`fetch`]()", "fetch.ts"),
            ("const root = Function('return this')(); root.fetch()", "fetch.ts"),
            ("class Mine extends EventTarget {}", "events.ts"),
            ("x instanceof Response", "response.ts"),
            ("({ setTimeout })", "timers.ts"),
        ] {
            assert!(modules(script).iter().any(|name| name == module), "{script}");
        }
        assert_eq!(modules("self.TextDecoder"), ["self.ts", "text.ts"]);
        assert_eq!(wanted(["export const root = globalThis", "root.URL"]).len(), 1);
    }

    #[test]
    fn what_only_looks_like_a_global_is_not_bundled() {
        for script in [
            "export const description = 'Sends a Request to a URL and gives the Response'",
            "function fetch() {} fetch()",
            "import { URL } from './mine'; new URL()",
            "cache.fetch(1); ({ Headers: 1 })",
            "// fetch(URL)",
            "performance.now(Math.random(), atob('x'))",
        ] {
            assert_eq!(modules(script), [""; 0], "{script}");
        }
    }

    #[test]
    fn the_modules_are_there() {
        for (module, _) in PROVIDERS {
            assert!(sdk::source(&sdk::id(module)).is_some(), "{module}");
        }
    }

    /// A script that is not understood gets what its text may use.
    #[test]
    fn an_unreadable_script_has_all_that_it_mentions() {
        assert_eq!(modules("let let fetch ="), ["fetch.ts"]);
    }
}
