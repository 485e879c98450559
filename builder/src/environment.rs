//! What toolchains and build scripts see of the environment: not what the operator
//! keeps in it for plugins, nor what other programs' secrets are usually called.
//!
//! A build script runs with its user's rights and can look for files. This keeps it
//! from being handed what it did not ask for.

use tokio::process::Command;

/// How the names begin that are Distri's own: `DISTRI_SECRET_…`, `DISTRI_DATABASE_…`.
const OWN: &str = "DISTRI_";

/// Ends of a name's words that say that the value is a secret.
const SECRET_WORDS: [&str; 12] = [
    "SECRET",
    "SECRETS",
    "TOKEN",
    "TOKENS",
    "PASSWORD",
    "PASSWORDS",
    "PASSWD",
    "PASSPHRASE",
    "CREDENTIAL",
    "CREDENTIALS",
    "APIKEY",
    "COOKIE",
];

/// Whole words that say so too.
const SECRET_PARTS: [&str; 9] =
    ["KEY", "KEYS", "PASS", "PWD", "PW", "PAT", "AUTH", "BEARER", "WEBHOOK"];

/// Names with such words that are needed to fetch what a package depends on, and are no
/// secrets themselves.
const PATHS: [&str; 4] = ["PWD", "OLDPWD", "SSH_AUTH_SOCK", "GNOME_KEYRING_CONTROL"];

/// Takes from a program's environment what is not its business.
pub(crate) fn without_secrets(command: &mut Command) -> &mut Command {
    for (name, value) in std::env::vars_os() {
        // A name that is not text may be anything.
        if name.to_str().is_none_or(is_secret) || value.to_str().is_some_and(holds_password) {
            command.env_remove(name);
        }
    }
    command
}

fn is_secret(name: &str) -> bool {
    if PATHS.contains(&name) {
        return false;
    }
    let upper = name.to_ascii_uppercase();
    upper.starts_with(OWN)
        || upper.split('_').any(|word| SECRET_WORDS.iter().any(|secret| word.ends_with(secret)))
        || upper.split('_').any(|word| SECRET_PARTS.contains(&word))
}

/// Whether a value is an address with a password in it: `postgres://user:password@host`.
fn holds_password(value: &str) -> bool {
    let Some((_, rest)) = value.split_once("://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    authority.rsplit_once('@').is_some_and(|(user, _)| {
        user.split_once(':').is_some_and(|(_, password)| !password.is_empty())
    })
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
            "API_KEY_2",
            "STRIPE_KEYS",
            "AWS_ACCESS_KEY_ID",
            "PRIVATE_KEY_PEM",
            "my_apikey",
            "GITHUB_PAT",
            "npm_config__auth",
            "SMTP_PW",
        ] {
            assert!(is_secret(secret), "{secret}");
        }
        for other in
            ["PATH", "HOME", "PWD", "OLDPWD", "RUSTUP_HOME", "CARGO_HOME", "KEYBOARD", "LANG"]
        {
            assert!(!is_secret(other), "{other}");
        }
        for other in ["SSH_AUTH_SOCK", "XDG_SESSION_PATH", "MONKEY", "COMPASS"] {
            assert!(!is_secret(other), "{other}");
        }
        assert!(holds_password("postgres://app:s3cret@db/main?x=1"));
        for other in ["https://host/a@b:c", "ssh://git@host/x", "postgres://app:@db", "/a:b@c"] {
            assert!(!holds_password(other), "{other}");
        }
    }
}
