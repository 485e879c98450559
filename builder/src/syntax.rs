//! What a module's syntax tree tells before it is bundled: whether it is nested too
//! deep, what the engine cannot run and nothing here translates, and where it imports
//! what.

use std::collections::BTreeMap;

use oxc::ast::AstKind;
use oxc::ast::ast::{Argument, Expression, Program};
use oxc::ast_visit::Visit;
use oxc::span::GetSpan as _;

/// How deep a syntax tree may be, in nodes: some hundred levels of what people write,
/// a thousand operators in a row. What is deeper overflows the stacks of the
/// bundler's later stages, and of the engine.
pub(crate) const MAX_DEPTH: usize = 1200;

/// An offence, at a byte of the module's text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Offence {
    pub(crate) at: usize,
    pub(crate) message: String,
    pub(crate) help: Option<String>,
}

/// Where a module imports something.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Import {
    /// The byte of its text.
    pub(crate) at: usize,
    /// Whether the module does without: it is required within a `try`.
    pub(crate) optional: bool,
}

/// What was found in a module.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) offences: Vec<Offence>,
    /// By what is imported; the first place of each.
    pub(crate) imports: BTreeMap<String, Import>,
    /// The byte at which the first element of JSX begins.
    pub(crate) jsx: Option<usize>,
    /// How deep its tree is, and the byte at which it is so deep.
    pub(crate) deepest: (usize, usize),
}

/// Looks through a module. `decorators` is whether those of TypeScript's
/// `experimentalDecorators` are translated.
pub(crate) fn look(program: &Program<'_>, decorators: bool) -> Seen {
    let mut look = Look { decorators, ..Look::default() };
    look.visit_program(program);
    look.seen
}

#[derive(Default)]
struct Look {
    seen: Seen,
    decorators: bool,
    depth: usize,
    too_deep: bool,
    /// `try` statements around the node.
    tries: usize,
}

impl Look {
    fn offend(&mut self, at: u32, message: impl Into<String>, help: &str) {
        let (at, message) = (at as usize, message.into());
        // One of each is enough.
        if self.seen.offences.iter().all(|offence| offence.message != message) {
            self.seen.offences.push(Offence { at, message, help: Some(help.to_owned()) });
        }
    }

    fn import(&mut self, specifier: &str, at: u32) {
        let import = Import { at: at as usize, optional: self.tries > 0 };
        self.seen
            .imports
            .entry(specifier.to_owned())
            .and_modify(|known| {
                if known.optional && !import.optional {
                    *known = import;
                }
            })
            .or_insert(import);
    }

    fn enter(&mut self, kind: AstKind<'_>) {
        match kind {
            AstKind::TryStatement(_) => self.tries += 1,
            AstKind::Decorator(decorator) if !self.decorators => self.offend(
                decorator.span.start,
                "decorators of the standard are not translated",
                "set `\"experimentalDecorators\": true` in the package's tsconfig.json for those \
                 of TypeScript, or call the function on what it decorates",
            ),
            AstKind::AccessorProperty(property) => self.offend(
                property.span.start,
                "`accessor` fields, a part of decorators, are not translated",
                "write a private field with `get` and `set`",
            ),
            AstKind::JSXElement(element) => {
                self.seen.jsx.get_or_insert(element.span.start as usize);
            }
            AstKind::JSXFragment(fragment) => {
                self.seen.jsx.get_or_insert(fragment.span.start as usize);
            }
            AstKind::ImportDeclaration(import) => {
                self.import(import.source.value.as_str(), import.source.span.start);
            }
            AstKind::ExportAllDeclaration(export) => {
                self.import(export.source.value.as_str(), export.source.span.start);
            }
            AstKind::ExportFromDeclaration(export) => {
                self.import(export.source.value.as_str(), export.source.span.start);
            }
            AstKind::ImportExpression(import) => {
                if let Expression::StringLiteral(source) = &import.source {
                    self.import(source.value.as_str(), source.span.start);
                }
            }
            AstKind::CallExpression(call) => {
                let required = matches!(&call.callee, Expression::Identifier(name) if name.name.as_str() == "require");
                if let (true, Some(Argument::StringLiteral(source))) =
                    (required, call.arguments.first())
                {
                    self.import(source.value.as_str(), source.span.start);
                }
            }
            _ => {}
        }
    }
}

impl<'a> Visit<'a> for Look {
    fn enter_node(&mut self, kind: AstKind<'a>) {
        self.depth += 1;
        if self.depth > MAX_DEPTH && !self.too_deep {
            self.too_deep = true;
            self.offend(
                kind.span().start,
                format!("this is nested more than {MAX_DEPTH} levels deep"),
                "keep it as data and make it in a loop, or split it into parts with names",
            );
        }
        if self.depth > self.seen.deepest.0 {
            self.seen.deepest = (self.depth, kind.span().start as usize);
        }
        self.enter(kind);
    }

    fn leave_node(&mut self, kind: AstKind<'a>) {
        self.depth = self.depth.saturating_sub(1);
        if matches!(kind, AstKind::TryStatement(_)) {
            self.tries = self.tries.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use oxc::allocator::Allocator;
    use oxc::parser::Parser;
    use oxc::span::SourceType;

    use super::*;

    fn seen(source: &str, decorators: bool) -> Seen {
        let allocator = Allocator::default();
        let parsed = Parser::new(&allocator, source, SourceType::tsx()).parse();
        assert!(!parsed.panicked, "{source}");
        look(&parsed.program, decorators)
    }

    fn messages(source: &str) -> Vec<String> {
        seen(source, false).offences.into_iter().map(|offence| offence.message).collect()
    }

    #[test]
    fn what_the_engine_cannot_run_is_found() {
        for (source, words) in [
            ("class A { @loud m() {} }", "decorators"),
            ("@loud class A {}", "decorators"),
            ("class A { accessor a = 1 }", "`accessor`"),
        ] {
            assert!(messages(source).iter().any(|message| message.contains(words)), "{source}");
        }
        assert!(seen("@loud class A {}", true).offences.is_empty());
        assert_eq!(messages("const accessor = 1; class A { x = accessor }"), [""; 0]);
    }

    #[test]
    fn imports_and_elements_have_their_places() {
        let source = "import a from 'a'; export * from 'b'; try { require('c') } catch {}\n\
                      import('d'); require('e'); export { x } from 'f'; <p/>";
        let seen = seen(source, false);
        let found: Vec<_> =
            seen.imports.iter().map(|(name, import)| (name.as_str(), import.optional)).collect();
        let wanted =
            [("a", false), ("b", false), ("c", true), ("d", false), ("e", false), ("f", false)];
        assert_eq!(found, wanted);
        assert_eq!(seen.jsx, source.find("<p/>"));
    }

    #[test]
    fn what_is_too_deep_is_found_whatever_it_is_made_of() {
        let many = |text: &str| text.repeat(1500);
        let sources = [
            format!("x = {}1{}", many("["), many("]")),
            format!("x = {}1", many("!")),
            format!("x = {}1", many("1+")),
            format!("x = {}1", many("a=>")),
            format!("x = a{}", many("?.b")),
            format!("x = {}1", many("a?b:")),
            format!("{};", many("if(1)")),
            format!("type X = {}1{}", many("["), many("]")),
        ];
        std::thread::Builder::new()
            .stack_size(256 << 20)
            .spawn(move || {
                for source in &sources {
                    let found = messages(source);
                    assert!(
                        found.iter().any(|message| message.contains("levels deep")),
                        "{source:.40}"
                    );
                }
            })
            .unwrap()
            .join()
            .unwrap();
    }
}
