//! What the script engine is told of its world, as a script that runs before all others:
//! which of the engine's kinds of streams and futures a function takes.
//!
//! The engine numbers kinds, and tells apart those that carry the same. A number means
//! nothing to people and changes with the world: scripts name the function instead.

use std::collections::BTreeMap;

use serde_json::json;
use wit_dylib::Metadata;
use wit_dylib::metadata::Type;

/// `globalThis.wit`: `wit.stream(of)` and `wit.future(of)` make the two ends of a stream
/// or a future of the first kind that the function `of` takes, which is named like
/// `wasi:http/types@0.3.0#[static]request.new`.
pub(crate) fn shim(world: &Metadata) -> String {
    let mut streams = BTreeMap::new();
    let mut futures = BTreeMap::new();
    for function in &world.import_funcs {
        let Some(interface) = &function.interface else { continue };
        let name = format!("{interface}#{}", function.name);
        for kind in function.args.iter().filter_map(|argument| carried(world, *argument)) {
            match kind {
                Kind::Stream(number) => streams.entry(name.clone()).or_insert(number),
                Kind::Future(number) => futures.entry(name.clone()).or_insert(number),
            };
        }
    }
    format!(
        "const kinds = {};
        const of = (made, what) => (name) => {{
          if (!Object.hasOwn(kinds[what], name)) throw new TypeError(`${{name}} takes no ${{what}}`);
          return made(kinds[what][name]);
        }};
        globalThis.wit = {{
          stream: of(__cqjs.makeStream, \"stream\"),
          future: of(__cqjs.makeFuture, \"future\"),
        }};
",
        json!({ "stream": streams, "future": futures })
    )
}

/// The engine's number of a kind.
enum Kind {
    Stream(usize),
    Future(usize),
}

/// The kind of an argument that is a stream or a future, under whatever name and whether
/// it may be left out or not.
fn carried(world: &Metadata, mut argument: Type) -> Option<Kind> {
    loop {
        argument = match argument {
            Type::Stream(number) => return Some(Kind::Stream(number)),
            Type::Future(number) => return Some(Kind::Future(number)),
            Type::Option(number) => world.options.get(number)?.ty,
            Type::Alias(number) => world.aliases.get(number)?.ty,
            _ => return None,
        };
    }
}
