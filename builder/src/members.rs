//! Which functions of Node's modules a module uses that there are not: `import fs from
//! "fs"` gives an object, so that what is missing from it would be found at run time.

use std::collections::BTreeSet;

use oxc::allocator::Allocator;
use oxc::ast::AstKind;
use oxc::ast::ast::{Declaration, ImportDeclarationSpecifier, Program, Statement};
use oxc::parser::Parser;
use oxc::semantic::SemanticBuilder;
use oxc::span::{GetSpan as _, SourceType};

use crate::sdk;
use crate::syntax::Offence;

/// What a module uses of Node's that the SDK does not have.
pub(crate) fn missing(program: &Program<'_>) -> Vec<Offence> {
    let imported: Vec<_> = program.body.iter().filter_map(node_import).collect();
    if imported.is_empty() {
        return Vec::new();
    }
    let semantic = SemanticBuilder::new().with_build_nodes(true).build(program).semantic;
    let mut offences = Vec::new();
    for (module, specifiers) in imported {
        let Some(there) = members(module) else { continue };
        for specifier in specifiers {
            let local = match specifier {
                ImportDeclarationSpecifier::ImportDefaultSpecifier(it) => &it.local,
                ImportDeclarationSpecifier::ImportNamespaceSpecifier(it) => &it.local,
                ImportDeclarationSpecifier::ImportSpecifier(_) => continue,
            };
            let Some(symbol) = local.symbol_id.get() else { continue };
            for reference in semantic.symbol_references(symbol) {
                let parent = semantic.nodes().parent_id(reference.node_id());
                let AstKind::StaticMemberExpression(member) = semantic.nodes().kind(parent) else {
                    continue;
                };
                // What is only looked at may be asked for whether it is there.
                let called = match semantic.nodes().parent_kind(parent) {
                    AstKind::CallExpression(call) => {
                        !call.optional && call.callee.span() == member.span
                    }
                    AstKind::NewExpression(new) => new.callee.span() == member.span,
                    _ => false,
                };
                let name = member.property.name.as_str();
                if !called || there.contains(name) || name == "default" || member.optional {
                    continue;
                }
                let list: Vec<&str> = there.iter().map(String::as_str).collect();
                offences.push(Offence {
                    at: member.property.span.start as usize,
                    message: format!("`node:{module}` has no `{name}` here"),
                    help: Some(format!("it has `{}`", list.join("`, `"))),
                });
            }
        }
    }
    offences
}

/// A statement that imports one of Node's modules: its name, and what is imported.
fn node_import<'a, 'b>(
    statement: &'b Statement<'a>,
) -> Option<(&'static str, &'b [ImportDeclarationSpecifier<'a>])> {
    let Statement::ImportDeclaration(import) = statement else { return None };
    let source = import.source.value.as_str();
    let name = sdk::node_name(source.strip_prefix("node:").unwrap_or(source))?;
    Some((name, import.specifiers.as_ref()?.as_slice()))
}

/// The names that the SDK's module exports, each of which its default export has too.
fn members(name: &str) -> Option<BTreeSet<String>> {
    let source = sdk::source(&sdk::node(name)?)?;
    let allocator = Allocator::default();
    let parsed = Parser::new(&allocator, source, SourceType::ts()).parse();
    let mut names = BTreeSet::new();
    for statement in &parsed.program.body {
        match statement {
            Statement::ExportDeclaration(export) => match &export.declaration {
                Declaration::FunctionDeclaration(function) => {
                    names.extend(function.id.iter().map(|id| id.name.to_string()));
                }
                Declaration::VariableDeclaration(variables) => {
                    let bound = variables.declarations.iter();
                    names.extend(
                        bound
                            .filter_map(|it| it.id.get_identifier_name())
                            .map(|name| name.to_string()),
                    );
                }
                Declaration::ClassDeclaration(class) => {
                    names.extend(class.id.iter().map(|id| id.name.to_string()));
                }
                _ => {}
            },
            Statement::ExportNamedDeclaration(export) => {
                names.extend(export.specifiers.iter().map(|it| it.exported.name().to_string()));
            }
            // What is exported from elsewhere is not followed: nothing is refused then.
            Statement::ExportAllDeclaration(_) | Statement::ExportFromDeclaration(_) => {
                return None;
            }
            _ => {}
        }
    }
    Some(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(source: &str) -> Vec<String> {
        let allocator = Allocator::default();
        let parsed = Parser::new(&allocator, source, SourceType::ts()).parse();
        missing(&parsed.program).into_iter().map(|offence| offence.message).collect()
    }

    #[test]
    fn functions_that_there_are_not_are_named() {
        for (source, words) in [
            ("import fs from 'fs'; fs.readFileSync('x')", "`node:fs` has no `readFileSync` here"),
            ("import * as p from 'node:path'; p.toFile('x')", "`node:path` has no `toFile` here"),
        ] {
            assert_eq!(messages(source), [words], "{source}");
        }
    }

    #[test]
    fn what_is_there_and_what_is_something_else_is_left_alone() {
        for source in [
            "import fs from 'fs'; fs.promises.readFile('x')",
            "import fs from 'fs/promises'; fs.readFile('x'); fs.constants.F_OK",
            "import path from 'path'; path.join('x'); path.posix.join('x')",
            "import { fs } from './mine'; fs.readFileSync('x')",
            "import fs from 'fs'; function f(fs: any) { fs.readFileSync('x') }",
            "import fs from 'fs'; fs.watch?.('x'); fs?.watch",
        ] {
            assert_eq!(messages(source), [""; 0], "{source}");
        }
    }
}
