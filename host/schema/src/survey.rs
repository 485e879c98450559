//! A schema before it is compiled: whether it is within bounds, where each of its
//! references leads, and a copy of it in which every subschema counts itself. What
//! its keywords mean is the validator's to know; here only where subschemas are.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};
use url::Url;

use crate::fault::SchemaFault;
use crate::text::plain;

/// Subschemas of one schema: fifty times those of the largest tools known.
const SUBSCHEMAS: usize = 10_000;
/// Bytes of one schema as JSON.
const BYTES: usize = 256 << 10;
/// Bytes of all pointers to keywords together: the compiled schema keeps each.
const POINTERS: usize = 8 << 20;
/// Levels of JSON in a schema.
const LEVELS: usize = 100;
/// Subschemas that are asked one within the other about the same value.
const IN_PLACE: usize = 64;
/// Bytes of a property's name.
const NAME: usize = 512;
/// Bytes of a pattern.
const PATTERN: usize = 2_000;
/// Patterns of one `patternProperties`: each is held against each name.
const NAME_PATTERNS: usize = 64;

/// Keywords that lead to another subschema. What the dynamic ones lead to may be another
/// one yet: it is gone through where it stands, and the first is gone through, too.
const REFERENCES: [&str; 3] = ["$ref", "$dynamicRef", "$recursiveRef"];

/// The keyword that counts; no other may be called so.
pub(super) const STEP: &str = "distri:step";

/// Keywords with a subschema.
const ONE: [&str; 12] = [
    "additionalItems",
    "additionalProperties",
    "contains",
    "contentSchema",
    "else",
    "if",
    "items",
    "not",
    "propertyNames",
    "then",
    "unevaluatedItems",
    "unevaluatedProperties",
];
/// Keywords with a list of them.
const MANY: [&str; 5] = ["allOf", "anyOf", "items", "oneOf", "prefixItems"];
/// Keywords with some by name.
const NAMED: [&str; 6] =
    ["$defs", "definitions", "dependencies", "dependentSchemas", "patternProperties", "properties"];
/// Those of all whose subschemas are asked about the same value.
const SAME_VALUE: [&str; 9] =
    ["allOf", "anyOf", "dependencies", "dependentSchemas", "else", "if", "not", "oneOf", "then"];

/// What is known of a schema.
pub(super) struct Survey {
    /// The schema, with the keyword that counts.
    pub(super) counted: Value,
    pub(super) bytes: usize,
    pub(super) subschemas: usize,
    /// Its patterns, with their places.
    pub(super) patterns: Vec<(String, String)>,
    /// The most patterns of one `patternProperties`.
    pub(super) name_patterns: usize,
}

/// A reference, where it is, and the resource that it is in.
struct Reference {
    at: String,
    to: String,
    base: String,
}

struct Surveyor<'a> {
    root: &'a Value,
    /// Whether `$ref` makes what is beside it void: up to draft 7.
    lonely_references: bool,
    survey: Survey,
    pointers: usize,
    seen: HashSet<String>,
    references: Vec<Reference>,
    /// Resources by their address, addresses by resource, and anchors by resource and name.
    resources: HashMap<String, String>,
    addresses: HashMap<String, String>,
    anchors: HashMap<(String, String), String>,
    /// What is asked about the same value, by what asks.
    in_place: HashMap<String, Vec<String>>,
}

/// Looks a schema through.
pub(super) fn survey(root: &Value, lonely_references: bool) -> Result<Survey, SchemaFault> {
    // Above the bounds nothing is gone through but to be counted.
    let bytes = serde_json::to_string(root).map_or(usize::MAX, |text| text.len());
    if bytes > BYTES {
        return Err(fault("", format!("has {bytes} bytes, and a schema may have {BYTES}")));
    }
    let mut surveyor = Surveyor {
        root,
        lonely_references,
        survey: Survey {
            counted: root.clone(),
            bytes,
            subschemas: 0,
            patterns: Vec::new(),
            name_patterns: 0,
        },
        pointers: 0,
        seen: HashSet::new(),
        references: Vec::new(),
        resources: HashMap::new(),
        addresses: HashMap::new(),
        anchors: HashMap::new(),
        in_place: HashMap::new(),
    };
    surveyor.schema(root, "", "", "", 0)?;
    surveyor.follow()?;
    surveyor.turns()?;
    Ok(surveyor.survey)
}

fn fault(at: &str, message: impl Into<String>) -> SchemaFault {
    SchemaFault { place: at.to_owned(), message: message.into() }
}

/// The place of a member.
fn below(at: &str, name: &str) -> String {
    format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"))
}

impl Surveyor<'_> {
    /// Goes through the subschema `at`, in the resource at `base`, of this address.
    fn schema(
        &mut self,
        schema: &Value,
        at: &str,
        base: &str,
        address: &str,
        level: usize,
    ) -> Result<(), SchemaFault> {
        if level > LEVELS {
            return Err(fault(at, format!("is more than {LEVELS} levels deep")));
        }
        let Some(members) = schema.as_object() else { return Ok(()) };
        if !self.seen.insert(at.to_owned()) {
            return Ok(());
        }
        self.survey.subschemas += 1;
        self.pointers += (at.len() + 16) * (members.len() + 1);
        if self.survey.subschemas > SUBSCHEMAS || self.pointers > POINTERS {
            return Err(fault(
                "",
                format!(
                    "is larger than a schema may be: {SUBSCHEMAS} subschemas, and places of {POINTERS} bytes in all"
                ),
            ));
        }
        let (base, address) = self.resource(members, at, base, address);
        let (base, address) = (base.as_str(), address.as_str());
        for keyword in REFERENCES {
            if let Some(to) = members.get(keyword).and_then(Value::as_str) {
                let (at, to, base) = (below(at, keyword), to.to_owned(), base.to_owned());
                self.references.push(Reference { at, to, base });
            }
        }
        self.patterns(members, at)?;
        for (keyword, value) in members {
            let here = below(at, keyword);
            let asks_same = SAME_VALUE.contains(&keyword.as_str());
            let mut children: Vec<(String, &Value)> = Vec::new();
            match value {
                Value::Array(items) if MANY.contains(&keyword.as_str()) => {
                    children.extend(
                        items.iter().enumerate().map(|(n, it)| (format!("{here}/{n}"), it)),
                    );
                }
                Value::Object(named) if NAMED.contains(&keyword.as_str()) => {
                    for (name, child) in named {
                        if name.len() > NAME {
                            let shown = plain(name, 60);
                            return Err(fault(
                                &here,
                                format!(
                                    "has a name of {} bytes, `{shown}`; a name may have {NAME}",
                                    name.len()
                                ),
                            ));
                        }
                        children.push((below(&here, name), child));
                    }
                }
                one if ONE.contains(&keyword.as_str()) => children.push((here, one)),
                _ => {}
            }
            for (place, child) in children {
                if asks_same && child.is_object() {
                    self.in_place.entry(at.to_owned()).or_default().push(place.clone());
                }
                self.schema(child, &place, base, address, level + 1)?;
            }
        }
        self.count(at, members);
        Ok(())
    }

    /// Has the subschema count itself.
    fn count(&mut self, at: &str, members: &Map<String, Value>) {
        if self.lonely_references && members.contains_key("$ref") {
            return;
        }
        if let Some(Value::Object(counted)) = self.survey.counted.pointer_mut(at) {
            counted.insert(STEP.to_owned(), Value::Bool(true));
            // Keywords of one's own are asked last, and not at all once another failed.
            // This one is asked before all that have subschemas, looks, and never fails.
            counted.entry("maxProperties").or_insert_with(|| Value::from(u32::MAX));
        }
    }

    /// The resource that a subschema is in, which it may begin itself, with its address.
    fn resource(
        &mut self,
        members: &Map<String, Value>,
        at: &str,
        base: &str,
        address: &str,
    ) -> (String, String) {
        let (mut base, mut address) = (base.to_owned(), address.to_owned());
        let void = self.lonely_references && members.contains_key("$ref");
        let id = members.get("$id").or_else(|| members.get("id")).and_then(Value::as_str);
        if let Some(id) = id.filter(|_| !void) {
            if let Some(anchor) = id.strip_prefix('#') {
                self.anchors.insert((base.clone(), anchor.to_owned()), at.to_owned());
            } else {
                at.clone_into(&mut base);
                address = absolute(&address, id.trim_end_matches('#'));
                self.resources.insert(address.clone(), base.clone());
                self.addresses.insert(base.clone(), address.clone());
            }
        }
        for keyword in ["$anchor", "$dynamicAnchor"] {
            if let Some(anchor) = members.get(keyword).and_then(Value::as_str) {
                self.anchors.insert((base.clone(), anchor.to_owned()), at.to_owned());
            }
        }
        (base, address)
    }

    fn patterns(&mut self, members: &Map<String, Value>, at: &str) -> Result<(), SchemaFault> {
        let own = members.get("pattern").and_then(Value::as_str);
        let mut found: Vec<(String, &str)> =
            own.into_iter().map(|pattern| (below(at, "pattern"), pattern)).collect();
        if let Some(Value::Object(named)) = members.get("patternProperties") {
            let here = below(at, "patternProperties");
            if named.len() > NAME_PATTERNS {
                return Err(fault(
                    &here,
                    format!("has {} patterns; {NAME_PATTERNS} are allowed", named.len()),
                ));
            }
            self.survey.name_patterns = self.survey.name_patterns.max(named.len());
            found.extend(named.keys().map(|pattern| (below(&here, pattern), pattern.as_str())));
        }
        for (place, pattern) in found {
            if pattern.len() > PATTERN {
                return Err(fault(
                    &place,
                    format!("has {} bytes; a pattern may have {PATTERN}", pattern.len()),
                ));
            }
            self.survey.patterns.push((place, pattern.to_owned()));
        }
        Ok(())
    }

    /// Finds where each reference leads, and goes through what is there.
    fn follow(&mut self) -> Result<(), SchemaFault> {
        while let Some(Reference { at, to, base }) = self.references.pop() {
            let Some((target, resource)) = self.target(&to, &base) else {
                let shown = plain(&to, 200);
                let elsewhere = to.contains("://") || !to.starts_with('#');
                return Err(fault(
                    &at,
                    if elsewhere {
                        format!(
                            "leads out of the schema, to `{shown}`: nothing is fetched, so put what is there below `$defs`"
                        )
                    } else {
                        format!("leads nowhere: there is no `{shown}` in the schema")
                    },
                ));
            };
            let from = at.rsplit_once('/').map_or("", |(from, _)| from).to_owned();
            self.in_place.entry(from).or_default().push(target.clone());
            let Some(schema) = self.root.pointer(&target) else { continue };
            if !(schema.is_object() || schema.is_boolean()) {
                return Err(fault(
                    &at,
                    format!("leads to `{}`, which is no schema", plain(&to, 200)),
                ));
            }
            let level = target.matches('/').count();
            self.schema(schema, &target, &resource, "", level)?;
        }
        Ok(())
    }

    /// The place that a reference from within a resource leads to, and its resource.
    fn target(&self, to: &str, base: &str) -> Option<(String, String)> {
        let (uri, fragment) = to.split_once('#').unwrap_or((to, ""));
        let resource = if uri.is_empty() {
            base
        } else {
            let address = self.addresses.get(base).map_or("", String::as_str);
            self.resources.get(&absolute(address, uri)).or_else(|| self.resources.get(uri))?
        };
        let fragment = unescaped(fragment)?;
        if fragment.is_empty() {
            return Some((resource.to_owned(), resource.to_owned()));
        }
        if fragment.starts_with('/') {
            let place = format!("{resource}{fragment}");
            self.root.pointer(&place)?;
            return Some((place, resource.to_owned()));
        }
        let anchor = self.anchors.get(&(resource.to_owned(), fragment))?;
        Some((anchor.clone(), resource.to_owned()))
    }

    /// Refuses subschemas that ask themselves about the same value, and long chains.
    fn turns(&self) -> Result<(), SchemaFault> {
        enum Visit<'a> {
            Enter(&'a str),
            Leave(&'a str),
        }
        // Levels below each; none while they are being counted.
        let mut depths: HashMap<&str, Option<usize>> = HashMap::new();
        for start in self.in_place.keys() {
            let mut visits = vec![Visit::Enter(start)];
            while let Some(visit) = visits.pop() {
                match visit {
                    Visit::Enter(at) => match depths.get(at) {
                        Some(Some(_)) => {}
                        Some(None) => {
                            return Err(fault(
                                at,
                                "asks itself about the same value again, without end: a reference to it must lie below `properties`, `items` or the like",
                            ));
                        }
                        None => {
                            depths.insert(at, None);
                            visits.push(Visit::Leave(at));
                            for next in self.in_place.get(at).into_iter().flatten() {
                                visits.push(Visit::Enter(next));
                            }
                        }
                    },
                    Visit::Leave(at) => {
                        let below = self.in_place.get(at).into_iter().flatten();
                        let depth = below
                            .filter_map(|next| depths.get(next.as_str()).copied().flatten())
                            .max()
                            .unwrap_or(0)
                            + 1;
                        if depth > IN_PLACE {
                            return Err(fault(
                                at,
                                format!(
                                    "has more than {IN_PLACE} references and combinations one within the other"
                                ),
                            ));
                        }
                        depths.insert(at, Some(depth));
                    }
                }
            }
        }
        Ok(())
    }
}

/// An address from where it is said.
fn absolute(base: &str, address: &str) -> String {
    let joined = Url::parse(base).and_then(|base| base.join(address));
    joined.map_or_else(|_| address.to_owned(), |url| url.to_string())
}

/// The fragment of an address as text.
fn unescaped(fragment: &str) -> Option<String> {
    if !fragment.contains('%') {
        return Some(fragment.to_owned());
    }
    // A query's rules but for `+`, which stands for itself in a fragment.
    let mut bytes = Vec::new();
    let mut rest = fragment.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let (digits, after) = rest.split_at_checked(2)?;
        bytes.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
        rest = after;
    }
    String::from_utf8(bytes).ok()
}
