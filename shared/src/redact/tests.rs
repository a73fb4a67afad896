//! Secrets here are put together at run time, so that no scanner takes this file for a leak.

use proptest::prelude::*;

use super::*;

fn redactor() -> Redactor {
    Redactor::new(&Rules::default()).unwrap()
}

fn redact(text: &str) -> String {
    redactor().redact(text).text.into_owned()
}

/// `n` characters of an alphabet that look random and are always the same.
fn body(n: usize, alphabet: &str) -> String {
    let alphabet = alphabet.as_bytes();
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    (0..n)
        .map(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            char::from(alphabet[(state >> 33) as usize % alphabet.len()])
        })
        .collect()
}

const ALNUM: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const UPPER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const HEX: &str = "0123456789abcdef";

fn alnum(n: usize) -> String {
    body(n, ALNUM)
}

fn hex(n: usize) -> String {
    body(n, HEX)
}

/// Kind, and a token of that kind.
#[expect(clippy::too_many_lines, reason = "a flat table")]
fn tokens() -> Vec<(&'static str, String)> {
    let mut all: Vec<(&'static str, String)> = Vec::new();
    let mut add = |kind, prefix: &str, body: String| all.push((kind, format!("{prefix}{body}")));
    for prefix in ["ghp_", "gho_", "ghu_", "ghs_", "ghr_"] {
        add("github-token", prefix, alnum(36));
    }
    add(
        "github-token",
        "github_pat_",
        format!("{}_{}", alnum(22), alnum(59)),
    );
    add("gitlab-token", "glpat-", alnum(20));
    add("gitlab-token", "glptt-", hex(40));
    add("aws-access-key", "AKIA", body(16, UPPER));
    add("aws-access-key", "ASIA", body(16, UPPER));
    add("google-api-key", "AIza", alnum(35));
    add("google-oauth", "GOCSPX-", alnum(28));
    add(
        "slack-token",
        "xoxb-",
        format!(
            "{}-{}-{}",
            body(12, "0123456789"),
            body(12, "0123456789"),
            alnum(24)
        ),
    );
    add(
        "slack-token",
        "xapp-",
        format!(
            "1-A{}-{}-{}",
            body(10, UPPER),
            body(13, "0123456789"),
            hex(64)
        ),
    );
    add("stripe-key", "sk_live_", alnum(24));
    add("stripe-key", "rk_test_", alnum(99));
    add("openai-key", "sk-", alnum(48));
    add("openai-key", "sk-proj-", alnum(120));
    add(
        "anthropic-key",
        "sk-ant-",
        format!("api03-{}-{}AA", alnum(60), alnum(30)),
    );
    add("huggingface-token", "hf_", alnum(34));
    add("npm-token", "npm_", alnum(36));
    add("pypi-token", "pypi-AgE", alnum(150));
    add(
        "telegram-token",
        "",
        format!("{}:AA{}", body(10, "123456789"), alnum(33)),
    );
    add(
        "discord-token",
        "",
        format!("M{}.{}.{}", alnum(25), alnum(6), alnum(38)),
    );
    add("twilio-key", "SK", hex(32));
    add(
        "sendgrid-key",
        "SG.",
        format!("{}.{}", alnum(22), alnum(43)),
    );
    add("mailgun-key", "key-", hex(32));
    add("square-token", "sq0atp-", alnum(22));
    add("square-token", "EAAA", alnum(60));
    add("shopify-token", "shpat_", hex(32));
    add("digitalocean-token", "dop_v1_", hex(64));
    add("age-key", "AGE-SECRET-KEY-1", body(58, UPPER));
    add("vault-token", "hvs.", alnum(95));
    add(
        "jwt",
        "eyJ",
        format!("{}.eyJ{}.{}", alnum(33), alnum(60), alnum(43)),
    );
    all
}

#[test]
fn tokens_of_services_become_placeholders_wherever_they_stand() {
    for (kind, token) in tokens() {
        for (head, tail) in [
            ("", ""),
            ("use ", " now"),
            ("(", ")."),
            ("x=", "\n"),
            ("\"", "\","),
        ] {
            let text = format!("{head}{token}{tail}");
            assert_eq!(
                redact(&text),
                format!("{head}[redacted:{kind}]{tail}"),
                "{text}"
            );
        }
    }
}

#[test]
fn a_prefix_within_a_word_or_before_too_little_is_no_token() {
    for (_, token) in tokens() {
        let within = format!("Zz9{token}");
        // What has its own marks (a number, a dot) may still be found from within.
        if token.starts_with(|c: char| c.is_ascii_lowercase()) && !token.contains('.') {
            assert_eq!(redact(&within), within);
        }
        let short = &token[..token.len().min(12)];
        assert_eq!(redact(short), short);
    }
}

#[test]
fn a_secret_key_beside_an_access_key_goes_too() {
    let secret = format!("{}/{}+{}", alnum(20), alnum(10), alnum(8));
    let text = format!("AKIA{},{secret},eu-west-1", body(16, UPPER));
    assert_eq!(
        redact(&text),
        "[redacted:aws-access-key],[redacted:aws-secret-key],eu-west-1"
    );
}

/// Before, after.
#[expect(clippy::too_many_lines, reason = "a flat table")]
fn placed() -> Vec<(String, &'static str)> {
    let random = alnum(32);
    let own = |text: &str| text.to_owned();
    vec![
        (
            own("postgres://ana:tiger7@db.local:5432/shop"),
            "postgres://ana:[redacted:url-password]@db.local:5432/shop",
        ),
        (
            own("redis://:tiger7@cache/0"),
            "redis://:[redacted:url-password]@cache/0",
        ),
        (
            format!("git clone https://{}@example.org/a.git", alnum(40)),
            "git clone https://[redacted:url-password]@example.org/a.git",
        ),
        (own("DB_PASSWORD=tiger"), "DB_PASSWORD=[redacted:password]"),
        (
            own("export DB_PASSWORD='tiger and lion'"),
            "export DB_PASSWORD='[redacted:password]'",
        ),
        (
            own("FOO=1 MYSQL_PWD=tiger7 ./run"),
            "FOO=1 MYSQL_PWD=[redacted:password] ./run",
        ),
        (
            format!("export API_KEY={random}"),
            "export API_KEY=[redacted:secret]",
        ),
        (
            own("docker run -e SECRET_KEY=tiger77 web"),
            "docker run -e SECRET_KEY=[redacted:secret] web",
        ),
        (
            own("{\"user\": \"ana\", \"password\": \"tiger\"}"),
            "{\"user\": \"ana\", \"password\": \"[redacted:password]\"}",
        ),
        (
            own("{\\\"password\\\": \\\"tiger\\\"}"),
            "{\\\"password\\\": \\\"[redacted:password]\\\"}",
        ),
        (own("  password: tiger7"), "  password: [redacted:password]"),
        (
            own("password: swordfish # old"),
            "password: [redacted:password] # old",
        ),
        (own("passwd = 'tiger'"), "passwd = '[redacted:password]'"),
        (
            own("cfg[\"password\"] = \"tiger\""),
            "cfg[\"password\"] = \"[redacted:password]\"",
        ),
        (
            format!("client_secret: \"{random}\""),
            "client_secret: \"[redacted:secret]\"",
        ),
        (
            format!("\"token\": \"{random}\""),
            "\"token\": \"[redacted:secret]\"",
        ),
        (
            format!("const apiKey = '{random}';"),
            "const apiKey = '[redacted:secret]';",
        ),
        (
            format!("aws_secret_access_key = {}", alnum(40)),
            "aws_secret_access_key = [redacted:aws-secret-key]",
        ),
        (
            format!("AccountKey={}==;EndpointSuffix=core", alnum(86)),
            "AccountKey=[redacted:azure-storage-key];EndpointSuffix=core",
        ),
        (
            own("https://example.org/login?user=ana&password=tiger&x=1"),
            "https://example.org/login?user=ana&password=[redacted:password]&x=1",
        ),
        (
            format!("https://example.org/?access_token={random}#top"),
            "https://example.org/?access_token=[redacted:secret]",
        ),
        (
            own("app --password tiger --verbose"),
            "app --password [redacted:password] --verbose",
        ),
        (
            own("app --password=tiger"),
            "app --password=[redacted:password]",
        ),
        (
            own("app --db-password 'tiger lion'"),
            "app --db-password '[redacted:password]'",
        ),
        (
            format!("app --token {random}"),
            "app --token [redacted:secret]",
        ),
        (
            format!("app --api-key={random} run"),
            "app --api-key=[redacted:secret] run",
        ),
        (
            own("mysql -u root -p'tiger' shop"),
            "mysql -u root -p'[redacted:password]' shop",
        ),
        (
            own("mysqldump -ptiger shop > dump.sql"),
            "mysqldump -p[redacted:password] shop > dump.sql",
        ),
        (
            own("sshpass -p tiger ssh ana@host"),
            "sshpass -p [redacted:password] ssh ana@host",
        ),
        (
            own("curl -s -u ana:tiger https://example.org"),
            "curl -s -u ana:[redacted:password] https://example.org",
        ),
        (
            own("redis-cli -h cache -a tiger ping"),
            "redis-cli -h cache -a [redacted:password] ping",
        ),
        (
            format!("Authorization: Bearer {random}"),
            "Authorization: Bearer [redacted:authorization]",
        ),
        (
            own("curl -H 'Authorization: Basic YW5hOnRpZ2Vy' x"),
            "curl -H 'Authorization: Basic [redacted:authorization]' x",
        ),
        (
            format!("\"authorization\": \"token {}\"", hex(40)),
            "\"authorization\": \"token [redacted:authorization]\"",
        ),
        (
            format!("X-Api-Key: {random}"),
            "X-Api-Key: [redacted:secret]",
        ),
        (
            format!("the API key is {random}, keep it"),
            "the API key is [redacted:secret], keep it",
        ),
        (format!("secret {random}"), "secret [redacted:secret]"),
        (
            format!(
                "https://hooks.slack.com/services/T{}/B{}/{}",
                body(9, UPPER),
                body(9, UPPER),
                alnum(24)
            ),
            "https://hooks.slack.com/services/[redacted:slack-webhook]",
        ),
    ]
}

#[test]
fn secrets_known_by_their_place_become_placeholders() {
    for (text, wanted) in placed() {
        assert_eq!(redact(&text), wanted, "{text}");
    }
}

fn key_block(label: &str, lines: usize) -> String {
    let body: String = (0..lines).map(|_| format!("{}\n", alnum(64))).collect();
    format!(
        "-----{} {label}-----\n{body}-----{} {label}-----",
        "BEGIN", "END"
    )
}

#[test]
fn private_keys_go_whole_and_public_ones_stay() {
    for label in [
        "PRIVATE KEY",
        "RSA PRIVATE KEY",
        "OPENSSH PRIVATE KEY",
        "PGP PRIVATE KEY BLOCK",
    ] {
        let text = format!("before\n{}\nafter", key_block(label, 20));
        assert_eq!(redact(&text), "before\n[redacted:private-key]\nafter");
    }
    let public = key_block("CERTIFICATE", 3);
    assert_eq!(redact(&public), public);
}

#[test]
fn a_private_key_cut_short_or_written_into_json_goes_too() {
    let block = key_block("PRIVATE KEY", 3);
    let cut = &block[..block.len() - "-----END PRIVATE KEY-----".len()];
    assert_eq!(
        redact(&format!("{cut}\nThat was it.")),
        "[redacted:private-key]\n\nThat was it."
    );
    let json = format!("{{\"pem\": \"{}\"}}", block.replace('\n', "\\n"));
    assert_eq!(redact(&json), "{\"pem\": \"[redacted:private-key]\"}");
}

#[test]
fn card_numbers_pass_luhn_and_an_issuer() {
    for card in [
        "4111 1111 1111 1111",
        "4111-1111-1111-1111",
        "4111111111111111",
        "5555555555554444",
        "3782 822463 10005",
        "6011111111111117",
        "30569309025904",
        "3530111333300000",
    ] {
        assert_eq!(
            redact(&format!("card {card}, thanks")),
            "card [redacted:card-number], thanks"
        );
    }
    for other in [
        "4111 1111 1111 1112",
        "1234 5678 9012 3456",
        "4111-1111 1111-1111",
        "0.4111111111111111",
        "/img/4111111111111111.jpg",
        "4111111111111111111111",
        "ab4111111111111111",
        "1700000000000000",
    ] {
        assert_eq!(redact(other), other);
    }
}

/// What stays as it is.
const HARMLESS: &[&str] = &[
    "The key to a good bread is patience, and the secret is time.",
    "commit 3f786850e387550fdab836ed7e6dc881de23001b (HEAD -> main)",
    "3f78685 tokens: count them; key: 89e6c98d92887913cadf06b2adb97f26cde4849b",
    "Cache key: 3f786850e387550fdab836ed7e6dc881de23001b",
    "id 550e8400-e29b-41d4-a716-446655440000 and token 550e8400-e29b-41d4-a716-446655440000",
    "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  file.txt",
    "/home/ana/.ssh/id_ed25519 and ./src/auth/token_store.rs:42",
    "PRIVATE_KEY=/etc/ssl/private/server-2026.key",
    "key: path/to/some/file2/in/a/folder.txt",
    "The password is too short. Please reset your password: it must have 12 characters.",
    "Use the --password flag, or --token with a file.",
    "fn login(password: String, token: &str) -> Token",
    "password: string,\n  token: string;",
    "let password = read_password();\nself.password = password",
    "connect(user=user, password=password, token=args.token)",
    "password = request.form['password']",
    "\"password\": \"Password\", \"forgot\": \"Forgot your password?\"",
    "DB_PASSWORD=$DB_PASSWORD API_KEY=${API_KEY} TOKEN=<your token>",
    "DB_PASSWORD=\nNEXT=1",
    "PWD=/home/ana OLDPWD=/tmp",
    "max_tokens=4096 key_id=12 author=Ana monkey=2 compass: north",
    "my wifi password is hunter2",
    "the door code is 4711",
    "https://example.org:8080/a@b?key=value&token=x",
    "Mail ana@example.org or see http://example.org/@ana",
    "task-list-for-the-next-release-of-our-product-2026 and risk-0123456789012345678901234567890123",
    "sk-learn-and-other-names-with-dashes",
    "call +44 7911 123456 or 2026-11-20 10:30",
    "The authorization: it was given by Ana2 in May",
    "Authorization: required",
    "secret_name: my-app-secret-name-1",
    "mysql -u root -p shop_db_password",
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
    "Ключ от квартиры лежит под ковриком, пароль от вайфая — солнышко",
    "[redacted:github-token] stays",
];

#[test]
fn prose_code_hashes_and_paths_stay() {
    for text in HARMLESS {
        assert_eq!(redact(text), *text);
    }
}

#[test]
fn a_clean_text_is_borrowed() {
    assert!(matches!(
        redactor().redact("plain words").text,
        Cow::Borrowed(_)
    ));
}

#[test]
fn findings_point_into_the_text_given() {
    let token = format!("ghp_{}", alnum(36));
    let text = format!("ключ {token} и DB_PASSWORD=tiger");
    let found = redactor().redact(&text).found;
    let spans: Vec<_> = found
        .iter()
        .map(|f| (f.kind.as_str(), &text[f.start..f.end]))
        .collect();
    assert_eq!(
        spans,
        [("github-token", token.as_str()), ("password", "tiger")]
    );
}

#[test]
fn a_token_behind_a_telling_name_keeps_its_own_kind() {
    let text = format!("GITHUB_TOKEN=ghp_{}", alnum(36));
    assert_eq!(redact(&text), "GITHUB_TOKEN=[redacted:github-token]");
}

#[test]
fn the_users_rules_take_and_the_allow_list_gives() {
    let rules = Rules {
        extra: vec![UserRule {
            name: "badge".into(),
            pattern: "B-[0-9]{4}".into(),
        }],
        allow: vec!["postgres://dev:dev@localhost".into()],
    };
    let redactor = Redactor::new(&rules).unwrap();
    let text = "badge B-1234 at postgres://dev:dev@localhost or postgres://dev:dev@far";
    assert_eq!(
        redactor.redact(text).text,
        "badge [redacted:badge] at postgres://dev:dev@localhost or postgres://dev:[redacted:url-password]@far"
    );
}

#[test]
fn unusable_rules_are_refused_by_name() {
    let build = |name: &str, pattern: &str| {
        Redactor::new(&Rules {
            extra: vec![UserRule {
                name: name.into(),
                pattern: pattern.into(),
            }],
            allow: vec![],
        })
    };
    assert!(matches!(
        build("Bad name", "x"),
        Err(RuleError::Name { .. })
    ));
    assert!(matches!(build("open", "("), Err(RuleError::Pattern { .. })));
    assert!(matches!(
        build("huge", "(a{1000}){1000}"),
        Err(RuleError::Pattern { .. })
    ));
}

#[test]
fn spoken_secrets_are_heard_with_their_value() {
    for (text, value) in [
        ("my wifi password is hunter2", "hunter2"),
        ("My wifi password is swordfish.", "swordfish"),
        ("The door code is 4711", "4711"),
        ("my bike lock code is 4711", "4711"),
        ("PIN for the card: 1234", "1234"),
        ("the code for the garage is 12-34, I think", "12-34"),
        ("Remember that our alarm code is 9901!", "9901"),
        ("gate code 5512", "5512"),
        ("Wifi password: tiger lily", ""),
        ("I changed the wifi password to tiger99", "tiger99"),
        ("the wifi password is now tiger99", "tiger99"),
        ("my passport number is X1234567", "X1234567"),
        ("пароль от вайфая — солнышко", "солнышко"),
        ("Пароль от вайфая: tiger7", "tiger7"),
        ("код от домофона 4711", "4711"),
        ("Пин-код карты 1234", "1234"),
    ] {
        let heard = redactor().spoken_secrets(text);
        let values: Vec<_> = heard.iter().map(|f| &text[f.start..f.end]).collect();
        let wanted: &[&str] = if value.is_empty() { &[] } else { &[value] };
        assert_eq!(values, wanted, "{text}");
    }
}

#[test]
fn talk_about_secrets_is_no_secret() {
    for text in [
        "the password is wrong",
        "What is the door code?",
        "error code is 404",
        "the zip code is 90210",
        "the source code is in the repository",
        "I pinned 3 notes",
        "My password is too short",
        "the dress code is black tie",
        "I forgot my password",
        "пароль неверный",
        "исходный код на 3 языках",
    ] {
        assert_eq!(redactor().spoken_secrets(text), [], "{text}");
    }
}

/// Texts with secrets, anchors, placeholders and junk in them.
fn texts() -> impl Strategy<Value = String> {
    let known: Vec<String> = tokens()
        .into_iter()
        .map(|(_, token)| token)
        .chain(placed().into_iter().map(|(text, _)| text))
        .chain(HARMLESS.iter().map(|text| (*text).to_owned()))
        .chain(
            [
                "password",
                "=",
                ": ",
                "\"",
                "--token ",
                "[redacted:",
                "[redacted:a]",
                "]",
                "\n",
                "://",
                "@",
                "-----BEGIN PRIVATE KEY-----",
                "4111 1111 1111 1111",
                "ключ",
            ]
            .map(str::to_owned),
        )
        .collect();
    let part = prop_oneof![3 => prop::sample::select(known), 2 => "\\PC{0,12}", 1 => "[a-zA-Z0-9=:.@/ _-]{0,40}"];
    prop::collection::vec(part, 0..8).prop_map(|parts| parts.concat())
}

fn all_rules() -> Rules {
    let rule = |name: &str, pattern: &str| UserRule {
        name: name.into(),
        pattern: pattern.into(),
    };
    Rules {
        extra: vec![
            rule("first", "^[a-z]"),
            rule("wide", "q.*q"),
            rule("empty", "x*"),
            rule("last", ".$"),
        ],
        allow: vec!["tiger".into(), "a".into()],
    }
}

proptest! {
    #[test]
    fn redacting_twice_changes_nothing(text in texts(), own: bool) {
        let rules = if own { all_rules() } else { Rules::default() };
        let redactor = Redactor::new(&rules).unwrap();
        let once = redactor.redact(&text).text.into_owned();
        let twice = redactor.redact(&once);
        prop_assert_eq!(&twice.text, &once);
        prop_assert!(twice.found.is_empty());
    }

    #[test]
    fn findings_are_in_order_and_account_for_every_change(text in texts()) {
        let redacted = redactor().redact(&text);
        let mut rebuilt = String::new();
        let mut at = 0;
        for finding in &redacted.found {
            prop_assert!(at <= finding.start && finding.start < finding.end);
            rebuilt += &format!("{}[redacted:{}]", &text[at..finding.start], finding.kind);
            at = finding.end;
        }
        rebuilt += &text[at..];
        prop_assert_eq!(rebuilt, redacted.text);
    }

    #[test]
    fn junk_never_panics(text in "\\PC*", bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let junk = String::from_utf8_lossy(&bytes).into_owned();
        for text in [&text, &junk] {
            let _ = redactor().redact(text);
            for finding in redactor().spoken_secrets(text) {
                prop_assert!(text.get(finding.start..finding.end).is_some());
            }
        }
    }

    #[test]
    fn spoken_values_lie_between_characters(text in texts()) {
        for finding in redactor().spoken_secrets(&text) {
            prop_assert!(text.get(finding.start..finding.end).is_some());
        }
    }
}
