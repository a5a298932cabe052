//! What the names and versions say that SDKs introduce themselves with, as `unleash-client-node:6.0.0`.

/// The oldest version of each official SDK for backends that is not called outdated: those that the reference server calls
/// so, as its answers show. It is advice: older ones are served all the same.
const MINIMAL: &[(&str, [u64; 3])] = &[
    ("unleash-client-dotnet", [4, 1, 3]),
    ("unleash-client-go", [4, 1, 0]),
    ("unleash-client-java", [9, 2, 0]),
    ("unleash-client-node", [5, 3, 2]),
    ("unleash-client-php", [2, 3, 0]),
    ("unleash-client-python", [5, 11, 0]),
    ("unleash-client-ruby", [5, 0, 0]),
    ("unleash-dotnet-sdk", [5, 3, 0]),
    ("unleash-java-sdk", [11, 0, 2]),
    ("unleash-node-sdk", [6, 6, 0]),
];

/// What the names of SDKs for frontends contain.
const FRONTEND: &[&str] = &[
    "unleash-js",
    "client-js",
    "proxy-client",
    "react",
    "vue",
    "svelte",
    "nextjs",
    "angular",
    "ios",
    "swift",
    "android",
    "flutter",
];

/// Name and version of an SDK; an empty version if it says none.
pub fn parse(sdk: &str) -> (&str, &str) {
    match sdk.rsplit_once([':', '@']) {
        Some((name, version)) if !name.is_empty() => (name, version),
        _ => (sdk, ""),
    }
}

/// Whether it is an official SDK older than [`MINIMAL`]. One that says no version that can be read is not called so.
pub fn is_outdated(sdk: &str) -> bool {
    let (name, version) = parse(sdk);
    let minimal = MINIMAL.iter().find(|(known, _)| *known == name).map(|(_, minimal)| minimal);
    minimal.is_some_and(|minimal| numbers(version).is_some_and(|numbers| numbers < *minimal))
}

/// Whether it evaluates nothing itself and asks the frontend API.
pub fn is_frontend(sdk: &str) -> bool {
    let (name, _) = parse(sdk);
    let name = name.to_ascii_lowercase();
    FRONTEND.iter().any(|part| name.contains(part))
}

/// The numbers of a version such as `v5.3.0-beta.1`; those that are missing are 0.
fn numbers(version: &str) -> Option<[u64; 3]> {
    let version = version.trim_start_matches(['v', 'V']);
    let release = version.split(['-', '+']).next().unwrap_or_default();
    let mut numbers = [0; 3];
    for (number, part) in numbers.iter_mut().zip(release.split('.')) {
        *number = part.parse().ok()?;
    }
    Some(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions() {
        for (sdk, outdated) in [
            ("unleash-client-node:5.3.1", true),
            ("unleash-client-node:5.3.2", false),
            ("unleash-client-node:5.3.2-beta.1", false),
            ("unleash-client-node@5", true),
            ("unleash-client-node:5.99999999999999999999.0", false),
            ("unleash-client-node:", false),
            ("unleash-client-node", false),
            ("unleash-client-dotnet:v4.1.2", true),
            ("unleash-client-ruby:4.22.8", true),
            ("unleash-client-go:4.1", false),
            ("our-own:0.0.1", false),
            (":1", false),
            ("", false),
        ] {
            assert_eq!(is_outdated(sdk), outdated, "{sdk:?}");
        }
        for (sdk, frontend) in
            [("unleash-js@3.0.0", true), ("unleash-client-react:5", true), ("unleash-client-node:6.0.0", false)]
        {
            assert_eq!(is_frontend(sdk), frontend, "{sdk:?}");
        }
    }
}
