//! The text of the ABI, for authors, builders and refusals.

/// One version of the package `distri:plugin`, as the host was built with it.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Wit {
    /// The version, like `0.3.0`.
    pub version: &'static str,
    /// The package's files: name and text.
    pub files: &'static [(&'static str, &'static str)],
    /// The files of the packages that it needs, which lie in a folder `deps`; a
    /// later one may use earlier ones.
    pub deps: &'static [(&'static str, &'static str)],
}

macro_rules! files {
    ($folder:literal: $($name:literal),*) => {
        &[$(($name, include_str!(concat!("../wit/", $folder, "/", $name)))),*]
    };
}

impl Wit {
    /// Every version that the host serves, oldest first.
    pub const ALL: [Self; 2] = [
        Self {
            version: "0.2.0",
            files: files!(
                "v0.2": "types.wit", "host.wit", "sql.wit", "tool.wit", "workflow.wit",
                "world.wit"
            ),
            deps: &[],
        },
        Self {
            version: "0.3.0",
            files: files!(
                "v0.3": "types.wit", "host.wit", "sql.wit", "tool.wit", "workflow.wit",
                "world.wit", "web.wit", "typescript.wit"
            ),
            deps: files!(
                "v0.3/deps": "clocks.wit", "random.wit", "filesystem.wit", "sockets.wit",
                "cli.wit", "http.wit"
            ),
        },
    ];

    /// The version with this beginning, like `0.2` or `0.2.0`.
    pub fn find(version: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|wit| wit.version == version || wit.version.strip_suffix(".0") == Some(version))
    }
}
