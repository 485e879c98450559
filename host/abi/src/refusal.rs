//! Why a component is not a plugin: everything that is wrong with it, each with
//! what is expected instead.

use std::cell::OnceCell;

use distri_call::text::{cut, said};
use distri_call::{Error, ErrorKind};
use wit_parser::decoding::{DecodedWasm, decode};
use wit_parser::{
    Function, Handle, InterfaceId, PackageId, PackageName, Resolve, SourceMap, Type, TypeDefKind,
    TypeId, World, WorldItem, WorldKey,
};

use crate::{Wit, shape};

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

/// Defects that are said one by one. A component may have a hundred thousand, and
/// the first few say what is wrong with it.
const LISTED: usize = 24;

/// Longest text of one defect, in bytes. With [`LISTED`] it keeps an error below
/// 16 KiB.
const DEFECT: usize = 500;

/// Longest type that is written out, in bytes: one of a few bytes may stand for
/// itself a million times.
const TYPE: usize = 200;

/// What is wrong with a component.
#[derive(Default)]
struct Defects {
    listed: Vec<String>,
    more: usize,
}

impl Defects {
    fn push(&mut self, defect: impl AsRef<str>) {
        if self.listed.len() < LISTED {
            self.listed.push(cut(defect.as_ref(), DEFECT).into_owned());
        } else {
            self.more += 1;
        }
    }
}

/// The error of a component that is not a plugin, with everything that is wrong with
/// it. None when nothing is, as far as its types go, and when they cannot be read.
pub fn explain(wasm: &[u8]) -> Option<Error> {
    // The reader is meant for toolchains' output, and this is a stranger's.
    let Defects { listed, more } = shape::within_bounds(wasm, || find(wasm)).ok()??;
    let message = match listed.as_slice() {
        [] => return None,
        [defect] => format!("the component is not a plugin: {defect}"),
        defects => {
            let count = defects.len() + more;
            let rest = if more == 0 { String::new() } else { format!("\n- and {more} more") };
            format!(
                "the component is not a plugin, for {count} reasons:\n- {}{rest}",
                defects.join("\n- ")
            )
        }
    };
    let error = Error::new(ErrorKind::InvalidComponent, message);
    Some(error.with_hint("`distri wit` writes the world that a plugin conforms to"))
}

fn find(wasm: &[u8]) -> Option<Defects> {
    let DecodedWasm::Component(resolve, world) = decode(wasm).ok()? else { return None };
    let world = &resolve.worlds[world];
    let mut defects = Defects::default();
    let served = Served::default();
    for (key, item) in &world.imports {
        imported(&resolve, key, item, &served, &mut defects);
    }
    exported(&resolve, world, &served, &mut defects);
    Some(defects)
}

/// The versions of the ABI, each read once, when it is asked for.
#[derive(Default)]
struct Served([OnceCell<Option<(Resolve, PackageId)>>; Wit::ALL.len()]);

impl Served {
    /// One interface of the ABI in the version that is wanted.
    fn interface(&self, version: &str, interface: &str) -> Option<(&Resolve, InterfaceId)> {
        let at = Wit::ALL.iter().position(|wit| compatible(wit.version, version))?;
        let (wit, read) = (Wit::ALL.get(at)?, self.0.get(at)?);
        let (resolve, package) = read.get_or_init(|| read_wit(wit)).as_ref()?;
        Some((resolve, *resolve.packages[*package].interfaces.get(interface)?))
    }
}

fn read_wit(wit: &Wit) -> Option<(Resolve, PackageId)> {
    let mut resolve = Resolve::default();
    let mut sources = SourceMap::default();
    for (name, text) in wit.files.iter().filter(|(name, _)| *name != "typescript.wit") {
        sources.push_str(name, *text);
    }
    let package = resolve.push_group(sources.parse().map_err(|(_, error)| error).ok()?).ok()?;
    Some((resolve, package))
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

fn imported(
    resolve: &Resolve,
    key: &WorldKey,
    item: &WorldItem,
    abi: &Served,
    defects: &mut Defects,
) {
    let name = resolve.name_world_key(key);
    let unknown = |defects: &mut Defects| {
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
        PACKAGE => match abi.interface(&version, interface) {
            Some((wanted, id)) => {
                let WorldItem::Interface { id: found, .. } = item else { return };
                functions(resolve, *found, wanted, id, &name, Side::Import, defects);
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

fn exported(resolve: &Resolve, world: &World, abi: &Served, defects: &mut Defects) {
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
        match abi.interface(&version, interface) {
            Some((wanted, wanted_id)) => {
                functions(resolve, *id, wanted, wanted_id, &name, Side::Export, defects);
            }
            None => defects.push(format!("it exports `{name}`; this host serves {}", served())),
        }
    }
    if !found {
        let names = world.exports.keys().take(LISTED);
        let exports: Vec<String> =
            names.map(|key| format!("`{}`", said(&resolve.name_world_key(key)))).collect();
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
    defects: &mut Defects,
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
    let mut text = String::new();
    text.push_str(if function.kind.is_async() { "async func(" } else { "func(" });
    for (at, param) in function.params.iter().enumerate() {
        text.push_str(if at == 0 { "" } else { ", " });
        text.push_str(&said(&param.name));
        text.push_str(": ");
        write_type(resolve, &param.ty, &mut text);
        if text.len() > DEFECT {
            break;
        }
    }
    text.push(')');
    if let Some(result) = &function.result {
        text.push_str(" -> ");
        write_type(resolve, result, &mut text);
    }
    cut(&text, DEFECT / 2).into_owned()
}

/// A type as WIT has it.
fn type_name(resolve: &Resolve, ty: &Type) -> String {
    let mut text = String::new();
    write_type(resolve, ty, &mut text);
    cut(&text, TYPE).into_owned()
}

/// Writes a type as WIT has it; goes no deeper when the text is long enough.
fn write_type(resolve: &Resolve, ty: &Type, text: &mut String) {
    if text.len() > DEFECT {
        return;
    }
    let Type::Id(id) = ty else { return text.push_str(primitive(ty)) };
    let definition = &resolve.types[*id];
    if let Some(name) = &definition.name {
        return text.push_str(&said(name));
    }
    let mut of = |name: &str, types: &mut dyn Iterator<Item = Option<Type>>| {
        text.push_str(name);
        for (at, ty) in types.enumerate() {
            text.push_str(if at == 0 { "<" } else { ", " });
            match ty {
                Some(ty) => write_type(resolve, &ty, text),
                None => text.push('_'),
            }
            if text.len() > DEFECT {
                break;
            }
        }
        text.push('>');
    };
    let mut one = |name, ty| of(name, &mut std::iter::once(ty));
    match &definition.kind {
        TypeDefKind::Option(ty) => one("option", Some(*ty)),
        TypeDefKind::List(ty) => one("list", Some(*ty)),
        TypeDefKind::Future(ty) => one("future", *ty),
        TypeDefKind::Stream(ty) => one("stream", *ty),
        TypeDefKind::Handle(Handle::Borrow(id)) => one("borrow", Some(Type::Id(*id))),
        TypeDefKind::Handle(Handle::Own(id)) => write_type(resolve, &Type::Id(*id), text),
        TypeDefKind::Tuple(tuple) => of("tuple", &mut tuple.types.iter().copied().map(Some)),
        TypeDefKind::Result(result) => match (result.ok, result.err) {
            (None, None) => text.push_str("result"),
            (ok, None) => one("result", ok),
            (ok, err) => of("result", &mut [ok, err].into_iter()),
        },
        TypeDefKind::Type(ty) => write_type(resolve, ty, text),
        other => text.push_str(other.as_str()),
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
