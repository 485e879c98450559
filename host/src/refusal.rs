//! Why a component is not a plugin: everything that is wrong with it, each with
//! what is expected instead.

use std::fmt::Write as _;

use wit_parser::decoding::{DecodedWasm, decode};
use wit_parser::{
    Function, Handle, InterfaceId, PackageName, Resolve, SourceMap, Type, TypeDefKind, TypeId,
    World, WorldItem, WorldKey,
};

use crate::Wit;

/// The package of the ABI.
const PACKAGE: (&str, &str) = ("distri", "plugin");

/// The interfaces that a plugin exports, one or both.
const EXPORTED: [&str; 2] = ["tool", "workflow"];

/// The interfaces of WASI that the host links: package, version, names.
const WASI: [(&str, &str, &[&str]); 13] = [
    (
        "cli",
        "0.2",
        &[
            "environment",
            "exit",
            "stderr",
            "stdin",
            "stdout",
            "terminal-input",
            "terminal-output",
            "terminal-stderr",
            "terminal-stdin",
            "terminal-stdout",
        ],
    ),
    ("clocks", "0.2", &["monotonic-clock", "wall-clock"]),
    ("filesystem", "0.2", &["preopens", "types"]),
    ("http", "0.2", &["outgoing-handler", "types"]),
    ("io", "0.2", &["error", "poll", "streams"]),
    ("random", "0.2", &["insecure", "insecure-seed", "random"]),
    (
        "sockets",
        "0.2",
        &[
            "instance-network",
            "ip-name-lookup",
            "network",
            "tcp",
            "tcp-create-socket",
            "udp",
            "udp-create-socket",
        ],
    ),
    (
        "cli",
        "0.3",
        &[
            "environment",
            "exit",
            "stderr",
            "stdin",
            "stdout",
            "terminal-input",
            "terminal-output",
            "terminal-stderr",
            "terminal-stdin",
            "terminal-stdout",
            "types",
        ],
    ),
    ("clocks", "0.3", &["monotonic-clock", "system-clock", "types"]),
    ("filesystem", "0.3", &["preopens", "types"]),
    ("http", "0.3", &["client", "types"]),
    ("random", "0.3", &["insecure", "insecure-seed", "random"]),
    ("sockets", "0.3", &["ip-name-lookup", "types"]),
];

/// What is wrong with a component. Empty when nothing is, as far as its types go,
/// and when they cannot be read.
pub(crate) fn defects(wasm: &[u8]) -> Vec<String> {
    // The reader is meant for toolchains' output, and this is a stranger's.
    std::panic::catch_unwind(|| find(wasm).unwrap_or_default()).unwrap_or_default()
}

fn find(wasm: &[u8]) -> Option<Vec<String>> {
    let DecodedWasm::Component(resolve, world) = decode(wasm).ok()? else { return None };
    let world = &resolve.worlds[world];
    let mut defects = Vec::new();
    for (key, item) in &world.imports {
        imported(&resolve, key, item, &mut defects);
    }
    exported(&resolve, world, &mut defects);
    Some(defects)
}

/// One interface of the ABI in the version that is wanted.
fn expected(version: &str, interface: &str) -> Option<(Resolve, InterfaceId)> {
    let wit = Wit::ALL.into_iter().find(|wit| compatible(wit.version, version))?;
    let mut resolve = Resolve::default();
    let mut sources = SourceMap::default();
    for (name, text) in wit.files.iter().filter(|(name, _)| *name != "typescript.wit") {
        sources.push_str(name, *text);
    }
    let package = resolve.push_group(sources.parse().map_err(|(_, error)| error).ok()?).ok()?;
    let id = *resolve.packages[package].interfaces.get(interface)?;
    Some((resolve, id))
}

/// Whether what has one version serves who asks for the other: before 1.0, the
/// second number says so.
fn compatible(have: &str, want: &str) -> bool {
    let minor = |version: &str| version.split('.').take(2).map(str::to_owned).collect::<Vec<_>>();
    minor(have) == minor(want)
}

fn served() -> String {
    Wit::ALL.map(|wit| format!("`distri:plugin@{}`", wit.version)).join(" and ")
}

/// The package, interface and version that a name is made of.
fn parts<'a>(
    resolve: &'a Resolve,
    key: &'a WorldKey,
) -> Option<(&'a PackageName, &'a str, String)> {
    let WorldKey::Interface(id) = key else { return None };
    let interface = &resolve.interfaces[*id];
    let package = &resolve.packages[interface.package?].name;
    let version = package.version.as_ref().map(ToString::to_string).unwrap_or_default();
    Some((package, interface.name.as_deref()?, version))
}

fn imported(resolve: &Resolve, key: &WorldKey, item: &WorldItem, defects: &mut Vec<String>) {
    let name = resolve.name_world_key(key);
    let unknown = |defects: &mut Vec<String>| {
        defects.push(format!(
            "it imports `{name}`, which this host does not have: a plugin may import \
             `distri:plugin/host` and `distri:plugin/sql`, WASI 0.2 and 0.3, and wasi:http \
             0.2 and 0.3"
        ));
    };
    let Some((package, interface, version)) = parts(resolve, key) else {
        // Types by themselves stand for the interface that they are of.
        if !matches!(item, WorldItem::Type { .. }) {
            unknown(defects);
        }
        return;
    };
    match (package.namespace.as_str(), package.name.as_str()) {
        PACKAGE => match expected(&version, interface) {
            Some((wanted, id)) => {
                let WorldItem::Interface { id: found, .. } = item else { return };
                functions(resolve, *found, &wanted, id, &name, Side::Import, defects);
            }
            None => defects.push(format!("it imports `{name}`; this host serves {}", served())),
        },
        ("wasi", package) => {
            let of = |(name, _, _): &&(&str, &str, &[&str])| *name == package;
            let versions: Vec<_> = WASI.iter().filter(of).collect();
            let Some((_, _, interfaces)) =
                versions.iter().find(|(_, have, _)| compatible(have, &version))
            else {
                if versions.is_empty() {
                    unknown(defects);
                } else {
                    defects.push(format!("it imports `{name}`; this host has wasi:{package} in the versions 0.2 and 0.3"));
                }
                return;
            };
            if !interfaces.contains(&interface) {
                defects.push(format!(
                    "it imports `{name}`; of wasi:{package} {version} this host has `{}`",
                    interfaces.join("`, `")
                ));
            }
        }
        _ => unknown(defects),
    }
}

fn exported(resolve: &Resolve, world: &World, defects: &mut Vec<String>) {
    let mut found = false;
    for (key, item) in &world.exports {
        let Some((package, interface, version)) = parts(resolve, key) else { continue };
        if (package.namespace.as_str(), package.name.as_str()) != PACKAGE
            || !EXPORTED.contains(&interface)
        {
            continue;
        }
        found = true;
        let name = resolve.name_world_key(key);
        let WorldItem::Interface { id, .. } = item else { continue };
        match expected(&version, interface) {
            Some((wanted, wanted_id)) => {
                functions(resolve, *id, &wanted, wanted_id, &name, Side::Export, defects);
            }
            None => defects.push(format!("it exports `{name}`; this host serves {}", served())),
        }
    }
    if !found {
        let exports: Vec<String> =
            world.exports.keys().map(|key| format!("`{}`", resolve.name_world_key(key))).collect();
        let exports = if exports.is_empty() { "nothing".to_owned() } else { exports.join(", ") };
        defects.push(format!(
            "it exports {exports}; a plugin exports `distri:plugin/tool`, `distri:plugin/workflow` or both"
        ));
    }
}

/// Who has the functions of an interface.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    /// The host: a component may use some of them.
    Import,
    /// The component: all of them must be there.
    Export,
}

/// Compares the functions of an interface with those that are expected.
fn functions(
    resolve: &Resolve,
    found: InterfaceId,
    wanted: &Resolve,
    wanted_id: InterfaceId,
    name: &str,
    side: Side,
    defects: &mut Vec<String>,
) {
    let (found, expected) =
        (&resolve.interfaces[found].functions, &wanted.interfaces[wanted_id].functions);
    for (function, want) in expected {
        match found.get(function) {
            None if side == Side::Export => defects.push(format!(
                "`{name}` has no `{function}`; the world expects `{}`",
                signature(wanted, want)
            )),
            None => {}
            Some(have) => {
                if let Some(difference) = differs(resolve, have, wanted, want) {
                    defects.push(format!(
                        "`{function}` of `{name}` is `{}`; the world expects `{}`: {difference}",
                        signature(resolve, have),
                        signature(wanted, want)
                    ));
                }
            }
        }
    }
    if side == Side::Import {
        for function in found.keys().filter(|function| !expected.contains_key(*function)) {
            defects.push(format!(
                "it imports `{function}` of `{name}`, which has only `{}`",
                expected.keys().cloned().collect::<Vec<_>>().join("`, `")
            ));
        }
    }
}

/// The first difference of two functions.
fn differs(
    resolve: &Resolve,
    have: &Function,
    wanted: &Resolve,
    want: &Function,
) -> Option<String> {
    if have.kind.is_async() != want.kind.is_async() {
        let word = |function: &Function| if function.kind.is_async() { "async" } else { "sync" };
        return Some(format!("it is {}, and must be {}", word(have), word(want)));
    }
    if have.params.len() != want.params.len() {
        let (have, want) = (have.params.len(), want.params.len());
        return Some(format!("it takes {have} parameters, and must take {want}"));
    }
    for (have, want) in have.params.iter().zip(&want.params) {
        if have.name != want.name {
            return Some(format!("the parameter `{}` must be named `{}`", have.name, want.name));
        }
        if let Some(difference) = unlike((resolve, &have.ty), (wanted, &want.ty)) {
            return Some(format!("in `{}`, {difference}", want.name));
        }
    }
    match (&have.result, &want.result) {
        (None, None) => None,
        (Some(have), Some(want)) => unlike((resolve, have), (wanted, want))
            .map(|difference| format!("in the result, {difference}")),
        (None, Some(_)) => Some("it gives nothing".to_owned()),
        (Some(_), None) => Some("it must give nothing".to_owned()),
    }
}

/// The first difference of two types, names of types apart.
fn unlike(have: (&Resolve, &Type), want: (&Resolve, &Type)) -> Option<String> {
    let (Type::Id(have_id), Type::Id(want_id)) = (have.1, want.1) else {
        return (have.1 != want.1).then(|| {
            format!("`{}` must be `{}`", type_name(have.0, have.1), type_name(want.0, want.1))
        });
    };
    let different =
        || Some(format!("`{}` must be `{}`", type_name(have.0, have.1), type_name(want.0, want.1)));
    let inner = |a: &Type, b: &Type| unlike((have.0, a), (want.0, b));
    let maybe = |a: &Option<Type>, b: &Option<Type>| match (a, b) {
        (None, None) => None,
        (Some(a), Some(b)) => inner(a, b),
        _ => different(),
    };
    match (kind(have.0, *have_id), kind(want.0, *want_id)) {
        (TypeDefKind::Record(a), TypeDefKind::Record(b)) => {
            let record = type_name(want.0, want.1);
            for want in &b.fields {
                match a.fields.iter().find(|field| field.name == want.name) {
                    None => return Some(format!("`{record}` has no field `{}`", want.name)),
                    Some(field) => {
                        if let Some(difference) = inner(&field.ty, &want.ty) {
                            return Some(format!(
                                "field `{}` of `{record}`: {difference}",
                                want.name
                            ));
                        }
                    }
                }
            }
            let surplus =
                a.fields.iter().find(|field| !b.fields.iter().any(|b| b.name == field.name));
            if let Some(field) = surplus {
                return Some(format!("`{record}` must have no field `{}`", field.name));
            }
            let in_order = a.fields.iter().zip(&b.fields).all(|(a, b)| a.name == b.name);
            (!in_order).then(|| format!("the fields of `{record}` are in another order"))
        }
        (TypeDefKind::Enum(a), TypeDefKind::Enum(b)) => {
            let names = |cases: &[wit_parser::EnumCase]| -> Vec<String> {
                cases.iter().map(|case| case.name.clone()).collect()
            };
            (names(&a.cases) != names(&b.cases)).then(|| {
                format!(
                    "`{}` must have the cases `{}`",
                    type_name(want.0, want.1),
                    names(&b.cases).join("`, `")
                )
            })
        }
        (TypeDefKind::Variant(a), TypeDefKind::Variant(b)) => {
            let names = |cases: &[wit_parser::Case]| -> Vec<String> {
                cases.iter().map(|case| case.name.clone()).collect()
            };
            let variant = type_name(want.0, want.1);
            if names(&a.cases) != names(&b.cases) {
                let cases = names(&b.cases).join("`, `");
                return Some(format!("`{variant}` must have the cases `{cases}`"));
            }
            a.cases.iter().zip(&b.cases).find_map(|(a, b)| {
                let difference = maybe(&a.ty, &b.ty)?;
                Some(format!("case `{}` of `{variant}`: {difference}", b.name))
            })
        }
        // What a handle is of has a name and nothing else that can be seen.
        (TypeDefKind::Handle(Handle::Own(a)), TypeDefKind::Handle(Handle::Own(b)))
        | (TypeDefKind::Handle(Handle::Borrow(a)), TypeDefKind::Handle(Handle::Borrow(b))) => {
            let same = type_name(have.0, &Type::Id(*a)) == type_name(want.0, &Type::Id(*b));
            if same { None } else { different() }
        }
        (TypeDefKind::Resource, TypeDefKind::Resource) => None,
        (TypeDefKind::Tuple(a), TypeDefKind::Tuple(b)) if a.types.len() == b.types.len() => {
            a.types.iter().zip(&b.types).find_map(|(a, b)| inner(a, b))
        }
        (TypeDefKind::Option(a), TypeDefKind::Option(b))
        | (TypeDefKind::List(a), TypeDefKind::List(b)) => inner(a, b),
        (TypeDefKind::Result(a), TypeDefKind::Result(b)) => {
            maybe(&a.ok, &b.ok).or_else(|| maybe(&a.err, &b.err))
        }
        _ => different(),
    }
}

/// What a type is, behind the names it was given.
fn kind(resolve: &Resolve, mut id: TypeId) -> &TypeDefKind {
    while let TypeDefKind::Type(Type::Id(next)) = &resolve.types[id].kind {
        id = *next;
    }
    &resolve.types[id].kind
}

/// A function as WIT has it.
fn signature(resolve: &Resolve, function: &Function) -> String {
    let parameters: Vec<String> = function
        .params
        .iter()
        .map(|param| format!("{}: {}", param.name, type_name(resolve, &param.ty)))
        .collect();
    let word = if function.kind.is_async() { "async func" } else { "func" };
    let mut text = format!("{word}({})", parameters.join(", "));
    if let Some(result) = &function.result {
        let _ = write!(text, " -> {}", type_name(resolve, result));
    }
    text
}

/// A type as WIT has it.
fn type_name(resolve: &Resolve, ty: &Type) -> String {
    let Type::Id(id) = ty else { return primitive(ty).to_owned() };
    let definition = &resolve.types[*id];
    if let Some(name) = &definition.name {
        return name.clone();
    }
    let of = |ty: &Type| type_name(resolve, ty);
    let or_none = |ty: &Option<Type>| ty.as_ref().map_or_else(|| "_".to_owned(), of);
    match &definition.kind {
        TypeDefKind::Option(ty) => format!("option<{}>", of(ty)),
        TypeDefKind::List(ty) => format!("list<{}>", of(ty)),
        TypeDefKind::Tuple(tuple) => {
            format!("tuple<{}>", tuple.types.iter().map(of).collect::<Vec<_>>().join(", "))
        }
        TypeDefKind::Result(result) => match (&result.ok, &result.err) {
            (None, None) => "result".to_owned(),
            (Some(ok), None) => format!("result<{}>", of(ok)),
            (ok, Some(err)) => format!("result<{}, {}>", or_none(ok), of(err)),
        },
        TypeDefKind::Handle(Handle::Own(id)) => of(&Type::Id(*id)),
        TypeDefKind::Handle(Handle::Borrow(id)) => format!("borrow<{}>", of(&Type::Id(*id))),
        TypeDefKind::Future(ty) => format!("future<{}>", or_none(ty)),
        TypeDefKind::Stream(ty) => format!("stream<{}>", or_none(ty)),
        TypeDefKind::Type(ty) => of(ty),
        other => other.as_str().to_owned(),
    }
}

fn primitive(ty: &Type) -> &'static str {
    match ty {
        Type::Bool => "bool",
        Type::U8 => "u8",
        Type::U16 => "u16",
        Type::U32 => "u32",
        Type::U64 => "u64",
        Type::S8 => "s8",
        Type::S16 => "s16",
        Type::S32 => "s32",
        Type::S64 => "s64",
        Type::F32 => "f32",
        Type::F64 => "f64",
        Type::Char => "char",
        Type::String => "string",
        Type::ErrorContext => "error-context",
        Type::Id(_) => "type",
    }
}
