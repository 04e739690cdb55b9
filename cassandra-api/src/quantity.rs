//! Kubernetes quantities: `500m`, `4Gi`, `2`. Written as a string or a number, read as a number of units.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, de};

/// A quantity as the user wrote it. Compare by [`milli`](Self::milli): `1Gi` and `1024Mi` are the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Quantity(pub String);

impl Quantity {
    /// Thousandths of the unit, rounded up as Kubernetes does. None if it is not a quantity.
    pub fn milli(&self) -> Option<i128> {
        let text = self.0.trim();
        let digits = text
            .find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '-' || c == '+'))
            .unwrap_or(text.len());
        let (number, suffix) = text.split_at(digits);
        let (mantissa, decimals) = decimal(number)?;
        let (numerator, denominator) = scale(suffix)?;
        let scaled = mantissa.checked_mul(numerator)?.checked_mul(1000)?;
        let divisor = 10_i128.checked_pow(decimals)?.checked_mul(denominator)?;
        Some(scaled.div_euclid(divisor) + i128::from(scaled.rem_euclid(divisor) != 0))
    }

    /// Whether Kubernetes would take it.
    pub fn is_valid(&self) -> bool {
        self.0.len() <= MAX_LENGTH && self.milli().is_some()
    }

    /// Whole units, rounded up: bytes of memory or storage, cores of cpu. None if it is not a quantity.
    pub fn units(&self) -> Option<i128> {
        let milli = self.milli()?;
        Some(milli.div_euclid(1000) + i128::from(milli.rem_euclid(1000) != 0))
    }
}

/// `1.25` as 125 and two decimals.
fn decimal(number: &str) -> Option<(i128, u32)> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mantissa = format!("{whole}{fraction}").parse().ok()?;
    Some((mantissa, u32::try_from(fraction.len()).ok()?))
}

/// The factor of a suffix, as a fraction (resource.Quantity of Kubernetes' apimachinery).
fn scale(suffix: &str) -> Option<(i128, i128)> {
    let binary = |power: u32| (1024_i128.pow(power), 1);
    let thousand = |power: u32| (1000_i128.pow(power), 1);
    Some(match suffix {
        "" => (1, 1),
        "n" => (1, 1_000_000_000),
        "u" => (1, 1_000_000),
        "m" => (1, 1000),
        "k" => thousand(1),
        "M" => thousand(2),
        "G" => thousand(3),
        "T" => thousand(4),
        "P" => thousand(5),
        "E" => thousand(6),
        "Ki" => binary(1),
        "Mi" => binary(2),
        "Gi" => binary(3),
        "Ti" => binary(4),
        "Pi" => binary(5),
        "Ei" => binary(6),
        _ => return exponent(suffix),
    })
}

fn exponent(suffix: &str) -> Option<(i128, i128)> {
    let power: i32 = suffix.strip_prefix(['e', 'E'])?.parse().ok()?;
    let factor = 10_i128.checked_pow(power.unsigned_abs())?;
    Some(if power < 0 { (1, factor) } else { (factor, 1) })
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<&str> for Quantity {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl From<&Quantity> for k8s_openapi::apimachinery::pkg::api::resource::Quantity {
    fn from(quantity: &Quantity) -> Self {
        Self(quantity.0.clone())
    }
}

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match serde_json::Value::deserialize(deserializer)? {
            serde_json::Value::String(text) => Ok(Self(text)),
            serde_json::Value::Number(number) => Ok(Self(number.to_string())),
            other @ (serde_json::Value::Null
            | serde_json::Value::Bool(_)
            | serde_json::Value::Array(_)
            | serde_json::Value::Object(_)) => Err(de::Error::custom(format!(
                "{other} is not a quantity such as 500m or 4Gi"
            ))),
        }
    }
}

impl JsonSchema for Quantity {
    fn schema_name() -> Cow<'static, str> {
        "Quantity".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "x-kubernetes-int-or-string": true,
            "anyOf": [{ "type": "integer" }, { "type": "string" }],
            "pattern": PATTERN,
            "maxLength": MAX_LENGTH,
        })
    }
}

/// Longest quantity.
const MAX_LENGTH: usize = 32;
/// The pattern that Kubernetes itself puts on quantities in CRDs.
const PATTERN: &str = r"^(\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))))?$";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_compare_by_what_they_mean() {
        for (left, right) in [
            ("1Gi", "1024Mi"),
            ("0.5", "500m"),
            ("1k", "1000"),
            ("1e3", "1000"),
            ("1.5Gi", "1536Mi"),
        ] {
            assert_eq!(
                Quantity::from(left).milli(),
                Quantity::from(right).milli(),
                "{left} {right}"
            );
        }
        assert_eq!(Quantity::from("1Gi").units(), Some(1 << 30));
        assert_eq!(Quantity::from("1m").units(), Some(1));
    }

    #[test]
    fn what_is_not_a_quantity_is_none() {
        for text in ["", "Gi", "1Zi", "one", "1 Gi"] {
            assert_eq!(Quantity::from(text).milli(), None, "{text}");
        }
    }

    #[test]
    fn numbers_are_accepted_as_users_write_them() {
        let quantity: Quantity = serde_json::from_str("2").unwrap();
        assert_eq!(quantity, Quantity::from("2"));
    }
}
