//! The order of modules is the order of dependencies.
//!
//! `src/lib.rs` declares the modules in an order, and a module imports only from those declared
//! above it. Inside a module, no two files import from each other, directly or in a circle. This
//! test reads the imports in `src/` and names every line that breaks one of the two rules.
//!
//! It reads tokens, not text: `use` trees, paths in the code, and paths inside macro calls all
//! count; comments, links in documentation and string literals do not. Code under `#[cfg(test)]`
//! may import from anywhere, because no other code depends on it.
//!
//! The `mod.rs` of a folder is its front page. It re-exports what the files inside define, and may
//! define what they share, such as a trait and the table of its implementations. So a re-export
//! counts for the order of modules, but not as a circle, and neither does a file's import of what
//! the front page of its own folder defines.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

#[test]
fn modules_import_only_from_those_declared_above_them() {
    let sources = Sources::read();
    let upward = sources.upward();
    assert!(upward.is_empty(), "imports from a module declared below:\n{}", lines(&upward));
}

#[test]
fn no_files_import_from_each_other_in_a_circle() {
    let circles = Sources::read().circles();
    let report: Vec<String> = circles.iter().map(|circle| lines(circle)).collect();
    assert!(circles.is_empty(), "{} circles:\n{}", circles.len(), report.join("\n\n"));
}

#[test]
fn the_front_page_lists_the_modules_in_their_order() {
    let page = fs::read_to_string(source_folder().join("lib.rs")).expect("src/lib.rs");
    let listed = page.lines().filter_map(|line| line.strip_prefix("//! | [`")?.split_once('`'));
    let listed: Vec<&str> = listed.map(|(name, _)| name).collect();
    assert_eq!(listed, Sources::read().order);
}

/// The source files of a crate, by their path relative to `src`.
struct Sources {
    /// The modules that `lib.rs` declares, in its order.
    order: Vec<String>,
    files: BTreeMap<PathBuf, File>,
    /// The file of each module.
    modules: BTreeMap<Vec<String>, PathBuf>,
}

/// What a file declares, and what it mentions.
#[derive(Default)]
struct File {
    module: Vec<String>,
    children: Vec<String>,
    /// The names of its own items, macros and inline modules.
    items: BTreeSet<String>,
    imports: Vec<Import>,
    /// Paths of two or more segments outside `use`.
    mentions: Vec<Mention>,
    /// Every identifier outside `use`.
    words: BTreeSet<String>,
}

/// One leaf of a `use` tree.
struct Import {
    name: String,
    mention: Mention,
    exported: bool,
}

#[derive(Clone)]
struct Mention {
    line: usize,
    /// The module in which the path stands, inline modules included.
    scope: Vec<String>,
    path: Vec<String>,
}

/// One file that depends on another, and the line that shows it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Dependency {
    from: PathBuf,
    line: usize,
    path: String,
    to: PathBuf,
}

impl fmt::Display for Dependency {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Dependency { from, line, path, to } = self;
        write!(f, "src/{}:{line}: `{path}` is in src/{}", from.display(), to.display())
    }
}

fn lines(dependencies: &[Dependency]) -> String {
    let lines: Vec<String> = dependencies.iter().map(Dependency::to_string).collect();
    lines.join("\n")
}

fn source_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of sources") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

impl Sources {
    fn read() -> Self {
        let folder = source_folder();
        let mut paths = Vec::new();
        rust_files(&folder, &mut paths);
        let texts = paths.iter().map(|path| {
            let relative = path.strip_prefix(&folder).expect("inside src");
            (relative.to_owned(), fs::read_to_string(path).expect("a source file"))
        });
        Sources::parse(texts)
    }

    fn parse(texts: impl IntoIterator<Item = (PathBuf, String)>) -> Self {
        let mut files = BTreeMap::new();
        for (path, text) in texts.into_iter().filter(|(path, _)| path != Path::new("main.rs")) {
            let tokens: TokenStream = text.parse().expect("Rust, as it has been compiled");
            let mut file = File { module: module_of(&path), ..File::default() };
            file.walk(tokens, &file.module.clone());
            files.insert(path, file);
        }
        let root = files.remove(Path::new("lib.rs")).expect("a lib.rs");
        let mut modules = BTreeMap::new();
        for (path, file) in &files {
            modules.insert(file.module.clone(), path.clone());
        }
        // A file whose declaration is under `#[cfg(test)]` is no child of its parent.
        let is_declared = |module: &[String]| {
            (1..=module.len()).all(|depth| {
                let (name, parent) = module[..depth].split_last().expect("not the root");
                let parent = if parent.is_empty() {
                    Some(&root)
                } else {
                    modules.get(parent).and_then(|path| files.get(path))
                };
                parent.is_some_and(|parent| parent.children.contains(name))
            })
        };
        let tests: BTreeSet<Vec<String>> =
            modules.keys().filter(|module| !is_declared(module)).cloned().collect();
        modules.retain(|module, _| !tests.contains(module));
        files.retain(|_, file| !tests.contains(&file.module));
        Sources { order: root.children, files, modules }
    }

    /// Imports from a module that is declared below the importing one.
    fn upward(&self) -> Vec<Dependency> {
        let position = |name: &String| self.order.iter().position(|other| other == name);
        let mut found = BTreeSet::new();
        for (from, file) in &self.files {
            for mention in file.all_mentions() {
                let Some(path) = self.absolute(file, mention, 0) else { continue };
                let (here, there) = (position(&file.module[0]), position(&path[0]));
                if there > here {
                    let to = self.file_of(file, mention, 0).unwrap_or_default();
                    found.insert(Dependency::new(from, mention, to));
                }
            }
        }
        found.into_iter().collect()
    }

    /// Groups of files that depend on each other, each as the dependencies inside it.
    fn circles(&self) -> Vec<Vec<Dependency>> {
        let mut edges: BTreeMap<(&Path, PathBuf), Dependency> = BTreeMap::new();
        for (from, file) in &self.files {
            let imports = file
                .imports
                .iter()
                .filter(|import| !import.exported || file.words.contains(&import.name));
            let mentions = imports.map(|import| &import.mention).chain(&file.mentions);
            let is_front_page = |to: &Path| {
                to.ends_with("mod.rs") && file.module.starts_with(&self.files[to].module)
            };
            for mention in mentions {
                let to = self.file_of(file, mention, 0);
                if let Some(to) = to.filter(|to| to != from && !is_front_page(to)) {
                    let dependency = Dependency::new(from, mention, to.clone());
                    edges.entry((from, to)).or_insert(dependency);
                }
            }
        }
        let mut neighbours: BTreeMap<&Path, Vec<&Path>> = BTreeMap::new();
        for (from, to) in edges.keys() {
            neighbours.entry(from).or_default().push(to);
        }
        let reachable: BTreeMap<&Path, BTreeSet<&Path>> = self
            .files
            .keys()
            .map(|start| {
                let (mut seen, mut open) = (BTreeSet::new(), vec![start.as_path()]);
                while let Some(file) = open.pop() {
                    let next = neighbours.get(file).into_iter().flatten();
                    open.extend(next.copied().filter(|next| seen.insert(*next)));
                }
                (start.as_path(), seen)
            })
            .collect();
        let mut groups: BTreeMap<Vec<&Path>, Vec<Dependency>> = BTreeMap::new();
        for ((from, to), dependency) in &edges {
            if reachable[to.as_path()].contains(from) {
                let both = reachable[from].iter().filter(|file| reachable[*file].contains(from));
                groups.entry(both.copied().collect()).or_default().push(dependency.clone());
            }
        }
        groups.into_values().collect()
    }

    /// The file that defines the item which `mention` in `file` names; `None` outside this crate.
    fn file_of(&self, file: &File, mention: &Mention, depth: usize) -> Option<PathBuf> {
        let path = self.absolute(file, mention, depth)?;
        let mut module: Vec<String> = Vec::new();
        let mut segments = path.as_slice();
        while let [name, rest @ ..] = segments {
            module.push(name.clone());
            if self.modules.contains_key(&module) {
                segments = rest;
            } else {
                module.pop();
                break;
            }
        }
        let owner = self.modules.get(&module)?;
        let Some(name) = segments.first() else { return Some(owner.clone()) };
        let file = &self.files[owner];
        let import = file.imports.iter().find(|import| import.name == *name);
        match import.filter(|_| depth < 8 && !file.items.contains(name)) {
            Some(import) => {
                let mut mention = import.mention.clone();
                mention.path.extend_from_slice(&segments[1..]);
                self.file_of(file, &mention, depth + 1)
            }
            None => Some(owner.clone()),
        }
    }

    /// The path from the root of this crate; `None` if it leads out of it.
    fn absolute(&self, file: &File, mention: &Mention, depth: usize) -> Option<Vec<String>> {
        let mut module = mention.scope.clone();
        let mut segments = mention.path.as_slice();
        let first = segments.first()?;
        if first == "crate" {
            return self.order.contains(segments.get(1)?).then(|| segments[1..].to_vec());
        } else if first == "self" || first == "super" {
            while let [name, rest @ ..] = segments {
                match name.as_str() {
                    "self" => {}
                    "super" => drop(module.pop()),
                    _ => break,
                }
                segments = rest;
            }
        } else if file.children.contains(first) || file.items.contains(first) {
            module.clone_from(&file.module);
        } else {
            let import = file.imports.iter().find(|import| import.name == *first)?;
            let mut whole = import.mention.clone();
            if depth == 8 || whole.path.first() == Some(first) && whole.path.len() == 1 {
                return None;
            }
            whole.path.extend_from_slice(&segments[1..]);
            return self.absolute(file, &whole, depth + 1);
        }
        module.extend_from_slice(segments);
        (!module.is_empty()).then_some(module)
    }
}

fn module_of(path: &Path) -> Vec<String> {
    let mut module: Vec<String> =
        path.with_extension("").iter().map(|part| part.to_string_lossy().into_owned()).collect();
    if module.last().is_some_and(|last| last == "mod" || last == "lib") {
        module.pop();
    }
    module
}

impl Dependency {
    fn new(from: &Path, mention: &Mention, to: PathBuf) -> Self {
        let path = mention.path.join("::");
        Dependency { from: from.to_owned(), line: mention.line, path, to }
    }
}

impl File {
    fn all_mentions(&self) -> impl Iterator<Item = &Mention> {
        self.imports.iter().map(|import| &import.mention).chain(&self.mentions)
    }

    fn walk(&mut self, tokens: TokenStream, scope: &[String]) {
        let trees: Vec<TokenTree> = tokens.into_iter().collect();
        let mut at = 0;
        while at < trees.len() {
            at += self.step(&trees, at, scope);
        }
    }

    /// Reads what begins at `at`, and returns the number of trees that it takes.
    fn step(&mut self, trees: &[TokenTree], at: usize, scope: &[String]) -> usize {
        let rest = &trees[at..];
        if let Some(length) = test_item(rest) {
            return length;
        }
        match rest {
            [TokenTree::Ident(keyword), tree, ..] if keyword == "use" && !is_punct(tree, '<') => {
                let end = rest.iter().position(|tree| is_punct(tree, ';')).unwrap_or(rest.len());
                let before = |back: usize| at.checked_sub(back).map(|i| trees[i].to_string());
                let exported = before(1).is_some_and(|text| text == "pub")
                    || before(2).is_some_and(|text| text == "pub");
                self.read_use(&rest[1..end], &[], scope, exported);
                end
            }
            [TokenTree::Ident(keyword), TokenTree::Ident(name), body, ..] if keyword == "mod" => {
                let name = name.to_string();
                if let TokenTree::Group(body) = body {
                    self.items.insert(name.clone());
                    self.walk(body.stream(), &[scope, &[name]].concat());
                } else {
                    self.children.push(name);
                }
                3
            }
            [TokenTree::Ident(keyword), TokenTree::Ident(name), ..] if is_item(keyword) => {
                self.items.insert(name.to_string());
                2
            }
            [TokenTree::Ident(keyword), _, TokenTree::Ident(name), ..]
                if keyword == "macro_rules" =>
            {
                self.items.insert(name.to_string());
                3
            }
            [TokenTree::Ident(first), ..] => {
                let segments = path_segments(rest);
                self.words.insert(segments[0].clone());
                let length = 3 * segments.len() - 2;
                // After `::` it is the rest of a path that began otherwise, such as with a type.
                let continues =
                    at > 1 && is_punct(&trees[at - 1], ':') && is_punct(&trees[at - 2], ':');
                if segments.len() > 1 && !continues {
                    let line = first.span().start().line;
                    self.mentions.push(Mention { line, scope: scope.to_vec(), path: segments });
                }
                length
            }
            [TokenTree::Group(group), ..] => {
                self.walk(group.stream(), scope);
                1
            }
            _ => 1,
        }
    }

    fn read_use(
        &mut self,
        tree: &[TokenTree],
        prefix: &[String],
        scope: &[String],
        exported: bool,
    ) {
        let mut path = prefix.to_vec();
        let mut line = 0;
        let mut at = 0;
        while let Some(part) = tree.get(at) {
            match part {
                TokenTree::Ident(name) if name == "as" => break,
                TokenTree::Ident(name) => {
                    line = name.span().start().line;
                    path.push(name.to_string().trim_start_matches("r#").to_owned());
                }
                TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => {
                    let inner: Vec<TokenTree> = group.stream().into_iter().collect();
                    for branch in inner.split(|tree| is_punct(tree, ',')) {
                        if !branch.is_empty() {
                            self.read_use(branch, &path, scope, exported);
                        }
                    }
                    return;
                }
                TokenTree::Punct(star) if star.as_char() == '*' => {
                    line = star.span().start().line;
                }
                _ => {}
            }
            at += 1;
        }
        if path.len() > 1 && path.last().is_some_and(|last| last == "self") {
            path.pop();
        }
        let renamed = tree.get(at + 1).map(TokenTree::to_string);
        let Some(name) = renamed.or_else(|| path.last().cloned()) else { return };
        let mention = Mention { line, scope: scope.to_vec(), path };
        self.imports.push(Import { name, mention, exported });
    }
}

fn is_punct(tree: &TokenTree, punct: char) -> bool {
    matches!(tree, TokenTree::Punct(found) if found.as_char() == punct)
}

fn is_item(keyword: &proc_macro2::Ident) -> bool {
    ["struct", "enum", "union", "trait", "type", "fn", "const", "static"]
        .iter()
        .any(|item| keyword == item)
}

/// The identifiers at the beginning of `trees` that are joined by `::`.
fn path_segments(trees: &[TokenTree]) -> Vec<String> {
    let mut segments = Vec::new();
    let mut rest = trees;
    while let [TokenTree::Ident(name), after @ ..] = rest {
        segments.push(name.to_string());
        match after {
            [first, second, then @ ..] if is_punct(first, ':') && is_punct(second, ':') => {
                rest = then;
            }
            _ => break,
        }
    }
    segments
}

/// The length of an item under `#[cfg(test)]`, if `trees` begin with one.
fn test_item(trees: &[TokenTree]) -> Option<usize> {
    let [hash, TokenTree::Group(attribute), rest @ ..] = trees else { return None };
    if !is_punct(hash, '#') || attribute.stream().to_string().replace(' ', "") != "cfg(test)" {
        return None;
    }
    let is_use = rest.iter().take(3).any(|tree| tree.to_string() == "use");
    let end = rest.iter().position(|tree| match tree {
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace && !is_use,
        tree => is_punct(tree, ';'),
    });
    Some(2 + end.map_or(rest.len(), |end| end + 1))
}

/// The rules on sources made up for it: what is found, and what is not.
mod rules {
    use super::*;

    fn sources(texts: &[(&str, &str)]) -> Sources {
        let root = ("lib.rs", "pub mod low; pub mod high;");
        let texts = texts.iter().chain([&root]);
        Sources::parse(texts.map(|(path, text)| (PathBuf::from(path), (*text).to_owned())))
    }

    fn shown(dependencies: &[Dependency]) -> Vec<String> {
        dependencies.iter().map(Dependency::to_string).collect()
    }

    #[test]
    fn an_import_from_below_is_found_however_it_is_written() {
        for line in [
            "use crate::high::Thing;",
            "use crate::{high::Thing};",
            "pub use crate::high::Thing as Other;",
            "use super::high::Thing;",
            "fn f() { crate::high::thing() }",
            "fn f(thing: crate::high::Thing) {}",
            "fn f() { println!(\"{}\", crate::high::thing()) }",
            "macro_rules! m { () => { $crate::high::thing() } }",
            "mod inner { use super::super::high::Thing; }",
            "use crate::high; fn f() { high::thing() }",
        ] {
            let text = format!("// The first line.\n{line}");
            let found = sources(&[("low.rs", &text), ("high.rs", "pub struct Thing;")]).upward();
            assert!(!found.is_empty(), "{line}");
            assert!(shown(&found)[0].starts_with("src/low.rs:2: "), "{line}: {:?}", shown(&found));
        }
    }

    #[test]
    fn tests_comments_and_other_crates_may_say_what_they_like() {
        let text = "//! [`Thing`](crate::high::Thing)\nuse other::high::Thing;\n\
            #[cfg(test)]\nmod tests { use crate::high::Thing; }\n\
            fn f() -> &'static str { \"crate::high\" }";
        let found = sources(&[("low.rs", text), ("high.rs", "use crate::low::f;")]).upward();
        assert_eq!(shown(&found), [""; 0]);
    }

    #[test]
    fn a_circle_is_found_through_the_front_page_that_names_its_files() {
        let front = "mod a; mod b; mod c; pub use a::A; pub use b::B; pub use c::C;";
        let (a, b) = ("use super::B;\npub struct A;", "\npub struct B;\nfn f(a: super::A) {}");
        let c = "use super::{A, B};\npub struct C;";
        let files = [
            ("low/mod.rs", front),
            ("low/a.rs", a),
            ("low/b.rs", b),
            ("low/c.rs", c),
            ("high.rs", ""),
        ];
        let circles = sources(&files).circles();
        let expected = [
            "src/low/a.rs:1: `super::B` is in src/low/b.rs",
            "src/low/b.rs:3: `super::A` is in src/low/a.rs",
        ];
        assert_eq!(circles.len(), 1);
        assert_eq!(shown(&circles[0]), expected);
    }

    #[test]
    fn a_file_may_use_what_its_front_page_defines() {
        let front = "mod a; pub use a::A; pub struct Shared; impl A {}";
        let a = "use super::Shared; pub struct A;";
        let files = [("low/mod.rs", front), ("low/a.rs", a), ("high.rs", "")];
        assert!(sources(&files).circles().is_empty());
    }
}
