//! What toolchains and build scripts see of the environment: not what the operator
//! keeps in it for plugins, nor what other programs' secrets are usually called.
//!
//! A build script runs with its user's rights and can look for files. This keeps it
//! from being handed what it did not ask for.

use tokio::process::Command;

/// How the names begin that are Distri's own: `DISTRI_SECRET_…`, `DISTRI_DATABASE_…`.
const OWN: &str = "DISTRI_";

/// Ends of a name's words that say that the value is a secret.
const SECRET_WORDS: [&str; 8] =
    ["SECRET", "SECRETS", "TOKEN", "PASSWORD", "PASSWD", "PASSPHRASE", "CREDENTIAL", "CREDENTIALS"];

/// Last words that say so too.
const SECRET_ENDS: [&str; 3] = ["KEY", "PASS", "PWD"];

/// Takes from a program's environment what is not its business.
pub(crate) fn without_secrets(command: &mut Command) -> &mut Command {
    for (name, _) in std::env::vars_os() {
        // A name that is not text may be anything.
        if name.to_str().is_none_or(is_secret) {
            command.env_remove(name);
        }
    }
    command
}

fn is_secret(name: &str) -> bool {
    // The shell's own folder, not a password.
    if matches!(name, "PWD" | "OLDPWD") {
        return false;
    }
    let upper = name.to_ascii_uppercase();
    upper.starts_with(OWN)
        || upper.split('_').any(|word| SECRET_WORDS.iter().any(|secret| word.ends_with(secret)))
        || upper.rsplit('_').next().is_some_and(|word| SECRET_ENDS.contains(&word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_known_by_their_names() {
        for secret in [
            "DISTRI_SECRET_A",
            "DISTRI_DATABASE_MAIN",
            "DISTRI_POLICY",
            "GITHUB_TOKEN",
            "WEATHER_API_KEY",
            "PGPASSWORD",
            "aws_secret_access_key",
            "CARGO_REGISTRY_TOKEN",
            "DB_PASS",
        ] {
            assert!(is_secret(secret), "{secret}");
        }
        for other in
            ["PATH", "HOME", "PWD", "OLDPWD", "RUSTUP_HOME", "CARGO_HOME", "KEYBOARD", "LANG"]
        {
            assert!(!is_secret(other), "{other}");
        }
    }
}
