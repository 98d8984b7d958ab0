//! Texts of a policy: with wildcards, and with variables that each request fills.

use std::str::Chars;

use super::key::ConditionKey;

/// What a variable stands for where a request has no value for it and the policy names no default.
type Unknown = ();

/// The parts of an ARN; the last may hold colons itself.
const ARN_PARTS: usize = 6;

/// A text that a policy compares with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern {
    tokens: Vec<Token>,
    /// Whether any of them is a variable.
    varies: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    /// Exactly this character.
    Char(char),
    /// Any one character.
    One,
    /// Any characters, also none.
    Any,
    /// What the request has for a key.
    Variable(Box<Variable>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Variable {
    key: ConditionKey,
    default: Option<String>,
}

/// How a text is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Syntax {
    /// `*` and `?` stand for other characters.
    pub(super) wildcards: bool,
    /// `${...}` stands for a value of the request: from version 2012-10-17 of the language on.
    pub(super) variables: bool,
}

impl Pattern {
    /// Reads a text. The error is a sentence about the variable that is wrong.
    pub(super) fn parse(text: &str, syntax: Syntax) -> Result<Self, String> {
        let (mut tokens, mut rest, mut varies) = (Vec::new(), text, false);
        while let Some(c) = rest.chars().next() {
            if let Some(inner) = rest.strip_prefix("${").filter(|_| syntax.variables) {
                let (name, after) = inner.split_once('}').ok_or("A policy variable is not closed")?;
                let token = variable(name)?;
                varies |= matches!(token, Token::Variable(_));
                tokens.push(token);
                rest = after;
                continue;
            }
            tokens.push(match c {
                '*' if syntax.wildcards => Token::Any,
                '?' if syntax.wildcards => Token::One,
                c => Token::Char(c),
            });
            rest = rest.get(c.len_utf8()..).unwrap_or_default();
        }
        Ok(Self { tokens, varies })
    }

    /// The keys of its variables.
    pub(super) fn keys(&self) -> impl Iterator<Item = &ConditionKey> {
        self.tokens.iter().filter_map(|token| match token {
            Token::Variable(variable) => Some(&variable.key),
            Token::Char(_) | Token::One | Token::Any => None,
        })
    }

    /// Whether it stands for one text alone, whatever the request.
    pub(super) fn is_fixed(&self) -> bool {
        self.tokens.iter().all(|token| matches!(token, Token::Char(_)))
    }

    /// The pattern with its variables filled, or `Err` if the request has no value for one of them.
    fn filled(&self, value: &dyn Fn(&ConditionKey) -> Option<String>) -> Result<Vec<Token>, Unknown> {
        let mut filled = Vec::with_capacity(self.tokens.len());
        for token in &self.tokens {
            let Token::Variable(variable) = token else {
                filled.push(token.clone());
                continue;
            };
            let text = value(&variable.key).or_else(|| variable.default.clone()).ok_or(())?;
            filled.extend(text.chars().map(Token::Char));
        }
        Ok(filled)
    }

    /// Whether a text is one that the pattern stands for; `Err` if the request has no value for one of its variables.
    pub(super) fn matches(&self, text: &str, value: &dyn Fn(&ConditionKey) -> Option<String>) -> Result<bool, Unknown> {
        if self.varies { Ok(covers(&self.filled(value)?, text)) } else { Ok(covers(&self.tokens, text)) }
    }

    /// The same for an ARN, whose six parts are compared each on its own: a wildcard does not reach beyond its part. A `*`
    /// alone stands for every ARN.
    pub(super) fn matches_arn(
        &self,
        text: &str,
        value: &dyn Fn(&ConditionKey) -> Option<String>,
    ) -> Result<bool, Unknown> {
        let tokens = self.filled(value)?;
        if tokens == [Token::Any] {
            return Ok(true);
        }
        let parts: Vec<&[Token]> = tokens.splitn(ARN_PARTS, |token| *token == Token::Char(':')).collect();
        let texts: Vec<&str> = text.splitn(ARN_PARTS, ':').collect();
        let alike = |(part, text): (&&[Token], &&str)| covers(part, text);
        Ok(texts.len() == ARN_PARTS && parts.len() == ARN_PARTS && parts.iter().zip(&texts).all(alike))
    }

    /// Whether it can be compared with ARNs: it has six parts, or variables that can bring them.
    pub(super) fn is_arn(&self) -> bool {
        let colons = self.tokens.iter().filter(|token| **token == Token::Char(':')).count();
        self.varies || self.tokens == [Token::Any] || colons + 1 >= ARN_PARTS
    }

    /// The pattern in lower case, for comparisons in which case does not count.
    pub(super) fn lowered(mut self) -> Self {
        let mut tokens = Vec::with_capacity(self.tokens.len());
        for token in self.tokens {
            match token {
                Token::Char(c) => tokens.extend(c.to_lowercase().map(Token::Char)),
                Token::Variable(mut variable) => {
                    variable.default = variable.default.map(|text| text.to_lowercase());
                    tokens.push(Token::Variable(variable));
                }
                token => tokens.push(token),
            }
        }
        self.tokens = tokens;
        self
    }

    /// Whether a text is one that the pattern can stand for, if its variables have the values that suit.
    pub(super) fn could_match(&self, text: &str) -> bool {
        covers(&self.widened(), text)
    }

    /// Whether it can stand for a text that begins with `start` and goes on.
    pub(super) fn could_begin_with(&self, start: &str) -> bool {
        let tokens = self.widened();
        let token = || tokens.iter().map(Some).chain([None]);
        let is_star = |token: Option<&Token>| token == Some(&Token::Any);
        // For each place between tokens, whether what is before it can stand for what was read.
        let mut reached: Vec<bool> = token().map(|_| false).collect();
        let settle = |reached: &mut [bool]| {
            let mut carried = false;
            for (here, token) in reached.iter_mut().zip(token()) {
                *here |= carried;
                carried = *here && is_star(token);
            }
        };
        reached.iter_mut().take(1).for_each(|first| *first = true);
        settle(&mut reached);
        for c in start.chars() {
            let mut comes = false;
            for (here, token) in reached.iter_mut().zip(token()) {
                let goes = *here && token.is_some_and(|token| token.takes(c));
                *here = (*here && is_star(token)) || comes;
                comes = goes;
            }
            settle(&mut reached);
        }
        reached.pop();
        // What is left stands for one character or more.
        reached.contains(&true)
    }

    /// The pattern with a star in the place of each variable.
    fn widened(&self) -> Vec<Token> {
        let any = |token: &Token| if matches!(token, Token::Variable(_)) { Token::Any } else { token.clone() };
        self.tokens.iter().map(any).collect()
    }
}

/// Reads what stands between the braces: a character to be taken as it is, or a key with a default or without.
fn variable(text: &str) -> Result<Token, String> {
    if let "*" | "?" | "$" = text {
        return Ok(Token::Char(text.chars().next().unwrap_or('*')));
    }
    let (name, default) = match text.split_once(',') {
        None => (text, None),
        Some((name, default)) => {
            let default = default.trim();
            let inner = default.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\''));
            (name, Some(inner.ok_or("The default of a policy variable is not quoted")?.to_owned()))
        }
    };
    let key = ConditionKey::parse(name.trim()).filter(|key| !key.is_list());
    let key = key.ok_or_else(|| format!("Policy variable {name} is unknown"))?;
    Ok(Token::Variable(Box::new(Variable { key, default })))
}

impl Token {
    fn takes(&self, c: char) -> bool {
        match self {
            Self::Char(own) => *own == c,
            Self::One => true,
            Self::Any | Self::Variable(_) => false,
        }
    }
}

/// Matches from the left; when it cannot go on, the last `*` takes one character more. Never more than one `*` is taken
/// back: what stands before the last one fits as early as can be, which leaves the most for the rest.
fn covers(mut pattern: &[Token], text: &str) -> bool {
    let mut text = text.chars();
    let mut star: Option<(&[Token], Chars<'_>)> = None;
    loop {
        let mut ahead = text.clone();
        match (pattern.split_first(), ahead.next()) {
            (None, None) => return true,
            (Some((Token::Any, rest)), _) => {
                star = Some((rest, text.clone()));
                pattern = rest;
                continue;
            }
            (Some((token, rest)), Some(c)) if token.takes(c) => {
                (pattern, text) = (rest, ahead);
                continue;
            }
            // The text is at its end: to give the star more of it leaves less for the rest.
            (Some(_), None) => return false,
            _ => {}
        }
        let Some((behind, from)) = &mut star else { return false };
        if from.next().is_none() {
            return false;
        }
        (pattern, text) = (*behind, from.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PLAIN: Syntax = Syntax { wildcards: true, variables: false };
    const FULL: Syntax = Syntax { wildcards: true, variables: true };

    fn matches(pattern: &str, text: &str) -> bool {
        Pattern::parse(pattern, PLAIN).unwrap().matches(text, &|_| None).unwrap()
    }

    /// What a wildcard means, said as plainly as it can be.
    fn naive(pattern: &[char], text: &[char]) -> bool {
        match (pattern, text) {
            ([], text) => text.is_empty(),
            (['*', rest @ ..], text) => (0..=text.len()).any(|skip| naive(rest, &text[skip..])),
            (['?', rest @ ..], [_, tail @ ..]) => naive(rest, tail),
            ([c, rest @ ..], [d, tail @ ..]) => c == d && naive(rest, tail),
            (_, []) => false,
        }
    }

    proptest! {
        #[test]
        fn wildcards_mean_what_they_say(pattern in "[abé*?]{0,9}", text in "[abé]{0,9}") {
            let chars = |text: &str| text.chars().collect::<Vec<_>>();
            prop_assert_eq!(matches(&pattern, &text), naive(&chars(&pattern), &chars(&text)));
        }

        #[test]
        fn any_text_matches_itself_where_nothing_is_special(text in ".{0,40}") {
            let exact = Pattern::parse(&text, Syntax { wildcards: false, variables: false }).unwrap();
            prop_assert!(exact.is_fixed());
            prop_assert!(exact.matches(&text, &|_| None).unwrap());
            let longer = text + "x";
            prop_assert!(!exact.matches(&longer, &|_| None).unwrap());
        }
    }

    #[test]
    fn variables_take_the_value_of_the_request_as_it_is() {
        let pattern = Pattern::parse("home/${aws:userid}/*", FULL).unwrap();
        let value = |text: &'static str| move |_: &ConditionKey| Some(text.to_owned());
        assert_eq!(pattern.matches("home/ann/a/b", &value("ann")), Ok(true));
        assert_eq!(pattern.matches("home/bob/a", &value("ann")), Ok(false));
        assert_eq!(pattern.matches("home/bob/a", &value("*")), Ok(false), "a value has no wildcards");
        assert_eq!(pattern.matches("home/ann/a", &|_| None), Err(()));
        assert!(pattern.could_match("home/x/y") && !pattern.could_match("house/x/y"));
        let pattern = Pattern::parse("${aws:userid, 'nobody'}", FULL).unwrap();
        assert_eq!(pattern.matches("nobody", &|_| None), Ok(true));
        let pattern = Pattern::parse("${*}${?}${$}*", FULL).unwrap();
        assert_eq!(pattern.matches("*?$x", &|_| None), Ok(true));
        assert_eq!(pattern.matches("a?$x", &|_| None), Ok(false));
        for bad in ["${aws:userid", "${aws:unheard-of}", "${}", "${aws:userid, nobody}", "${s3:RequestObjectTagKeys}"] {
            assert!(Pattern::parse(bad, FULL).is_err(), "{bad}");
        }
        assert!(matches("${aws:userid}", "${aws:userid}"), "the older language has no variables");
    }

    #[test]
    fn the_parts_of_an_arn_are_compared_each_on_its_own() {
        let matches = |pattern: &str, text: &str| {
            Pattern::parse(pattern, FULL)
                .unwrap()
                .matches_arn(text, &|_| Some("arn:aws:iam::A:root".to_owned()))
                .unwrap()
        };
        assert!(matches("arn:aws:iam::A:*", "arn:aws:iam::A:user/x:y"));
        assert!(matches("*:*:*:*:*:*", "arn:aws:iam::A:root"));
        assert!(matches("${aws:PrincipalArn}", "arn:aws:iam::A:root"));
        assert!(matches("*", "arn:aws:iam::A:root"));
        assert!(!matches("arn:*:root", "arn:aws:iam::A:root"));
        assert!(!matches("arn:aws:iam::*:root", "arn:aws:iam::A"));
        let is_arn = |text: &str| Pattern::parse(text, FULL).unwrap().is_arn();
        assert!(is_arn("arn:aws:s3:::b") && is_arn("${aws:PrincipalArn}") && !is_arn("arn:aws:s3") && !is_arn("b"));
    }

    #[test]
    fn what_a_pattern_could_begin_with_is_known() {
        let could = |text: &str| Pattern::parse(text, FULL).unwrap().could_begin_with("b/");
        for yes in ["b/k", "b/*", "b*", "*", "*k", "?/k", "b?k", "${aws:userid}", "b/${aws:userid}", "*/*"] {
            assert!(could(yes), "{yes}");
        }
        for no in ["b", "b/", "c/*", "?", "bb*", "b?", "??"] {
            assert!(!could(no), "{no}");
        }
    }
}
