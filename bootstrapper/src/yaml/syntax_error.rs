//! What is wrong with a text that is not YAML, for who has written it.

use granit_parser::{ErrorKind, ScanError};

use super::Error;

/// The error, in our words.
pub(super) fn syntax_error(error: &ScanError) -> Error {
    let line = error.marker().line();
    if matches!(error.kind(), ErrorKind::RecursionLimitExceeded) {
        return Error::TooLarge { line };
    }
    Error::Syntax {
        line,
        problem: in_words(error.kind()),
    }
}

/// The mistakes that are made by hand. None: the place has to do.
#[allow(
    clippy::wildcard_enum_match_arm,
    reason = "the parser tells many mistakes apart that nobody makes"
)]
fn in_words(kind: &ErrorKind) -> Option<&'static str> {
    use ErrorKind as Kind;
    Some(match kind {
        Kind::TabNotAllowed
        | Kind::TabInBlockIndentation
        | Kind::TabAtBlockScalarStart
        | Kind::TabInIndentation
        | Kind::TabInPlainScalar => "a tab can't indent: use blanks",
        Kind::UnclosedQuotedScalar | Kind::InvalidQuotedScalarIndent => {
            "a quote is not closed, or a line within quotes is not indented"
        }
        Kind::InvalidTrailingSingleQuotedScalar | Kind::InvalidTrailingDoubleQuotedScalar => {
            "there is something after a closing quote"
        }
        Kind::UnknownQuotedScalarEscape
        | Kind::InvalidQuotedScalarHexEscape
        | Kind::InvalidUnicodeEscape => {
            "in double quotes a backslash begins an escape: write two of them, or use single quotes"
        }
        Kind::UnexpectedEofFlowSequence
        | Kind::UnexpectedEofFlowMapping
        | Kind::UnexpectedEofImplicitFlowMapping
        | Kind::UnclosedFlowCollection { .. }
        | Kind::ExpectedFlowMappingSeparator
        | Kind::ExpectedFlowSequenceSeparator
        | Kind::InvalidFlowScalarIndent
        | Kind::InvalidColonPlacement => "a bracket is not closed, or a comma is missing",
        Kind::MisplacedFlowCollectionEnd | Kind::MismatchedFlowCollectionEnd { .. } => {
            "a closing bracket has no opening one of its kind"
        }
        Kind::UnknownAnchor => "an alias (*) names an anchor (&) that is not there before it",
        Kind::UndeclaredTagHandle => {
            "a tag (!) is not declared; a text that begins so needs quotes"
        }
        Kind::SimpleKeyExpected => "a colon and a blank must follow a setting's name",
        Kind::UnexpectedCharacter { .. } => "a text that begins with this character needs quotes",
        Kind::InvalidIndentation
        | Kind::ExpectedBlockMappingKey
        | Kind::ExpectedBlockSequenceEntry
        | Kind::MappingKeyNotAllowed
        | Kind::MappingValueNotAllowed
        | Kind::BlockSequenceEntryNotAllowed
        | Kind::InvalidBlockScalarIndent => {
            "the line is indented wrongly, or a text with a colon has no quotes"
        }
        _ => return None,
    })
}
