//! Which files of a crate import which, and the circles among them.
//!
//! A file imports another when a path in it, in a `use` or anywhere else, leads through
//! `crate::`, `super::` or `self::` to it. What a crate's root exports again is its own
//! file's. Tests, comments and texts are left out, and `mod` alone imports nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// A module's path below its crate's root, which has none.
type Module = Vec<String>;

/// The files of a crate, by their modules.
pub struct Crate {
    files: BTreeMap<Module, File>,
}

struct File {
    lines: usize,
    /// The paths in it, from the crate's root.
    paths: Vec<Module>,
    /// What it exports of others: as what, and from where.
    exports: BTreeMap<String, Module>,
}

impl Crate {
    /// Reads the sources of a crate: its `src` folder.
    ///
    /// # Errors
    ///
    /// For a file that cannot be read, or is no Rust.
    pub fn read(src: &Path) -> io::Result<Self> {
        let mut sources = Vec::new();
        find(src, &mut sources)?;
        let mut files = BTreeMap::new();
        for path in sources {
            let text = std::fs::read_to_string(&path)?;
            let tokens: TokenStream = text.parse().map_err(|error| no_rust(&path, &error))?;
            let module = module(path.strip_prefix(src).map_err(io::Error::other)?);
            // A file of tests is declared as one.
            if module.last().is_none_or(|last| last != "tests") {
                files.insert(module.clone(), File::new(&module, &text, tokens));
            }
        }
        Ok(Self { files })
    }

    /// How many files there are.
    pub fn files(&self) -> usize {
        self.files.len()
    }

    /// How many lines they have, tests and all.
    pub fn lines(&self) -> usize {
        self.files.values().map(|file| file.lines).sum()
    }

    /// The circles: groups of files that import each other, directly or through others
    /// of the group.
    pub fn circles(&self) -> Vec<Vec<String>> {
        let imports: BTreeMap<_, _> =
            self.files.keys().map(|module| (module, self.imported_by(module))).collect();
        let reached: BTreeMap<_, _> =
            imports.keys().map(|module| (*module, reachable(module, &imports))).collect();
        let mut circles = BTreeSet::new();
        for (module, reaches) in &reached {
            if reaches.contains(module) {
                let group = reaches.iter().filter(|other| reached[**other].contains(module));
                circles.insert(group.map(|module| named(module)).collect::<Vec<_>>());
            }
        }
        circles.into_iter().collect()
    }

    fn imported_by(&self, module: &Module) -> BTreeSet<&Module> {
        let paths = self.files[module].paths.iter();
        paths.filter_map(|path| self.file_of(path)).filter(|other| *other != module).collect()
    }

    /// The file that a path leads to.
    fn file_of(&self, path: &[String]) -> Option<&Module> {
        let (module, file) =
            (0..=path.len()).rev().find_map(|length| self.files.get_key_value(&path[..length]))?;
        let rest = &path[module.len()..];
        match rest.first().and_then(|name| file.exports.get(name)) {
            // Only the root's: what another file exports again is there to be taken from it.
            Some(from) if module.is_empty() && from != path => self.file_of(from),
            _ => Some(module),
        }
    }
}

fn reachable<'a>(
    from: &'a Module,
    imports: &BTreeMap<&'a Module, BTreeSet<&'a Module>>,
) -> BTreeSet<&'a Module> {
    let mut reached = BTreeSet::new();
    let mut open: Vec<&Module> = imports[from].iter().copied().collect();
    while let Some(module) = open.pop() {
        if reached.insert(module) {
            open.extend(&imports[module]);
        }
    }
    reached
}

fn no_rust(path: &Path, error: &proc_macro2::LexError) -> io::Error {
    io::Error::other(format!("{}: {error}", path.display()))
}

fn named(module: &Module) -> String {
    if module.is_empty() { "lib".to_owned() } else { module.join("::") }
}

fn find(folder: &Path, sources: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            find(&path, sources)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            sources.push(path);
        }
    }
    Ok(())
}

/// The module that a file below `src` is.
fn module(path: &Path) -> Module {
    let mut module: Module =
        path.with_extension("").iter().map(|part| part.to_string_lossy().into_owned()).collect();
    if module.last().is_some_and(|last| last == "mod")
        || matches!(&*module, [root] if root == "lib" || root == "main")
    {
        module.pop();
    }
    module
}

impl File {
    fn new(module: &Module, text: &str, tokens: TokenStream) -> Self {
        let mut file =
            Self { lines: text.lines().count(), paths: Vec::new(), exports: BTreeMap::new() };
        file.look(module, &tokens.into_iter().collect::<Vec<_>>());
        file
    }

    fn look(&mut self, here: &Module, tokens: &[TokenTree]) {
        let mut at = 0;
        while at < tokens.len() {
            if let Some(length) = tests(&tokens[at..]) {
                at += length;
                continue;
            }
            // After `::` it is the middle of another path; after `:`, a type.
            if at < 2 || !tokens[at - 2..at].iter().all(|token| is_punct(token, ':')) {
                let mut found = Vec::new();
                let length = path(&tokens[at..], here, &mut found);
                if length > 0 {
                    if at >= 2 && is_ident(&tokens[at - 1], "use") && exports(&tokens[..at - 1]) {
                        let named = found
                            .iter()
                            .filter_map(|path| Some((path.last()?.clone(), path.clone())));
                        self.exports.extend(named);
                    }
                    self.paths.append(&mut found);
                    at += length;
                    continue;
                }
            }
            if let TokenTree::Group(group) = &tokens[at] {
                self.look(here, &group.stream().into_iter().collect::<Vec<_>>());
            }
            at += 1;
        }
    }
}

/// The length of what is compiled for tests only, if that begins here.
fn tests(tokens: &[TokenTree]) -> Option<usize> {
    let [hash, TokenTree::Group(attribute), rest @ ..] = tokens else { return None };
    let attribute = attribute.stream().to_string().replace(' ', "");
    if !is_punct(hash, '#') || attribute != "cfg(test)" {
        return None;
    }
    // To the end of the item: its body, or a semicolon.
    let end = rest.iter().position(|token| {
        is_punct(token, ';')
            || matches!(token, TokenTree::Group(body) if body.delimiter() == Delimiter::Brace)
    })?;
    Some(2 + end + 1)
}

/// Whether what stands before a `use` exports it: `pub`, whatever to.
fn exports(before: &[TokenTree]) -> bool {
    match before {
        [.., visibility, TokenTree::Group(to)] if to.delimiter() == Delimiter::Parenthesis => {
            is_ident(visibility, "pub")
        }
        [.., visibility] => is_ident(visibility, "pub"),
        [] => false,
    }
}

/// Reads a path of this crate, with all that a `use` has of it, and says how long it is.
fn path(tokens: &[TokenTree], here: &Module, found: &mut Vec<Module>) -> usize {
    let mut base = match tokens.first() {
        Some(TokenTree::Ident(first)) if first == "crate" => Vec::new(),
        Some(TokenTree::Ident(first)) if first == "self" => here.clone(),
        Some(TokenTree::Ident(first)) if first == "super" => {
            here.split_last().map(|(_, above)| above.to_vec()).unwrap_or_default()
        }
        _ => return 0,
    };
    let mut at = 1;
    while let Some([first, second, next]) = tokens.get(at..at + 3) {
        if !is_punct(first, ':') || !is_punct(second, ':') {
            break;
        }
        match next {
            TokenTree::Ident(name) if name == "super" => {
                base.pop();
            }
            TokenTree::Ident(name) => base.push(name.to_string()),
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => {
                branches(&group.stream().into_iter().collect::<Vec<_>>(), &base, found);
                return at + 3;
            }
            _ => break,
        }
        at += 3;
    }
    if at > 1 {
        found.push(base);
        return at;
    }
    0
}

/// Reads what a `use` has in braces, after `base`.
fn branches(tokens: &[TokenTree], base: &Module, found: &mut Vec<Module>) {
    for branch in tokens.split(|token| is_punct(token, ',')) {
        let mut path = base.clone();
        let mut whole = true;
        for token in branch {
            match token {
                TokenTree::Ident(name) if name == "as" => break,
                TokenTree::Ident(name) if name == "self" => {}
                TokenTree::Ident(name) => path.push(name.to_string()),
                TokenTree::Group(group) => {
                    branches(&group.stream().into_iter().collect::<Vec<_>>(), &path, found);
                    whole = false;
                }
                _ => {}
            }
        }
        if whole && !branch.is_empty() {
            found.push(path);
        }
    }
}

fn is_punct(token: &TokenTree, which: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == which)
}

fn is_ident(token: &TokenTree, which: &str) -> bool {
    matches!(token, TokenTree::Ident(ident) if ident == which)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn circles(files: &[(&str, &str)]) -> Vec<Vec<String>> {
        let files = files.iter().map(|(path, text)| {
            let module = module(Path::new(path));
            (module.clone(), File::new(&module, text, text.parse().unwrap()))
        });
        Crate { files: files.collect() }.circles()
    }

    #[test]
    fn files_that_import_each_other_are_a_circle() {
        for back in [
            "use crate::a::A;",
            "use super::a::A;",
            "use crate::{a, c::C};",
            "use crate::{c::C, a::{self, A as B}};",
            "pub(crate) use crate::a::*;",
            "fn f() { crate::a::f() }",
            "fn f() -> super::a::A { g!(super::a::f()) }",
            "use crate::A;",
        ] {
            let files = [
                ("lib.rs", "mod a; mod b; mod c; pub use a::X; pub use crate::a::A;"),
                ("a.rs", "fn f(b: crate::c::C) {}"),
                ("c/mod.rs", "use crate::b;"),
                ("b.rs", back),
            ];
            assert_eq!(circles(&files), [["a", "b", "c"]], "{back}");
        }
    }

    #[test]
    fn what_tests_comments_and_texts_say_is_no_import() {
        for back in [
            "#[cfg(test)] mod tests { use crate::a::A; }",
            "#[cfg(test)] use crate::a::A;",
            "/// See [`crate::a::A`].\n fn f() {}",
            "const A: &str = \"use crate::a::A;\";",
            "use other::a::A;",
            "fn f() { other::crate_::a() }",
        ] {
            let files = [("lib.rs", "mod a; mod b;"), ("a.rs", "use crate::b;"), ("b.rs", back)];
            assert!(circles(&files).is_empty(), "{back}");
        }
    }

    #[test]
    fn a_root_with_things_of_its_own_is_a_file_like_others() {
        let root = "mod a; pub struct Own; use crate::a::A;";
        assert_eq!(circles(&[("lib.rs", root), ("a.rs", "use crate::Own;")]), [["lib", "a"]]);
        assert!(circles(&[("lib.rs", root), ("a.rs", "")]).is_empty());
    }
}
