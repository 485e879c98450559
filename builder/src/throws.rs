//! `throw` of what is no error: the engine keeps no place for a thrown text or object,
//! so that the SDK is told of each before it is thrown.

use oxc::allocator::{Allocator, TakeIn as _, Vec};
use oxc::ast::ast::{Expression, Program, ThrowStatement};
use oxc::ast::builder::AstBuilder;
use oxc::ast_visit::{VisitMut, walk_mut};
use oxc::span::SPAN;

/// The function of the SDK's, in `runtime/thrown.ts`, that keeps the place.
const KEEP: &str = "$distriThrown";

/// Passes what the module throws through the SDK, but for what is made as it is thrown:
/// errors have places of their own.
pub(crate) fn keep_places<'a>(program: &mut Program<'a>, allocator: &'a Allocator) {
    Throws { builder: AstBuilder::new(allocator) }.visit_program(program);
}

struct Throws<'a> {
    builder: AstBuilder<'a>,
}

impl<'a> VisitMut<'a> for Throws<'a> {
    fn visit_throw_statement(&mut self, it: &mut ThrowStatement<'a>) {
        walk_mut::walk_throw_statement(self, it);
        if matches!(it.argument, Expression::NewExpression(_)) {
            return;
        }
        let thrown = it.argument.take_in(&self.builder);
        let keep = Expression::new_identifier(SPAN, KEEP, &self.builder);
        let mut arguments = Vec::with_capacity_in(1, &self.builder);
        arguments.push(thrown.into());
        it.argument =
            Expression::new_call_expression(it.span, keep, None, arguments, false, &self.builder);
    }
}
