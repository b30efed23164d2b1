//! The command line: a command, then `--name value` pairs.

use std::collections::BTreeMap;
use std::str::FromStr;

use lexopt::Arg;

/// What was given and not taken yet.
#[derive(Debug)]
pub(crate) struct Arguments {
    command: Option<String>,
    values: BTreeMap<String, String>,
}

impl Arguments {
    /// Reads the command line of this process.
    pub(crate) fn from_command_line() -> Result<Self, lexopt::Error> {
        Self::read(lexopt::Parser::from_env())
    }

    fn read(mut parser: lexopt::Parser) -> Result<Self, lexopt::Error> {
        let mut read = Self {
            command: None,
            values: BTreeMap::new(),
        };
        while let Some(argument) = parser.next()? {
            match argument {
                Arg::Long(name) => {
                    let name = name.to_owned();
                    read.values.insert(name, parser.value()?.into_string()?);
                }
                Arg::Value(command) if read.command.is_none() => {
                    read.command = Some(command.into_string()?);
                }
                other => return Err(other.unexpected()),
            }
        }
        Ok(read)
    }

    /// The command.
    pub(crate) fn command(&self) -> Result<String, String> {
        self.command
            .clone()
            .ok_or_else(|| "which command?".to_owned())
    }

    /// The value of `--name`, or `default`.
    pub(crate) fn take<T: FromStr>(&mut self, name: &str, default: T) -> Result<T, String> {
        match self.values.remove(name) {
            None => Ok(default),
            Some(text) => text
                .parse()
                .map_err(|_| format!("--{name}: {text} is no value for it")),
        }
    }

    /// Fails if something was given that nobody has taken.
    pub(crate) fn finish(&self) -> Result<(), String> {
        match self.values.keys().next() {
            None => Ok(()),
            Some(name) => Err(format!("no such option: --{name}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &[&str]) -> Result<Arguments, lexopt::Error> {
        Arguments::read(lexopt::Parser::from_args(words))
    }

    #[test]
    fn what_nobody_takes_is_an_error() {
        let mut arguments = read(&["limit", "--size", "900", "--sise=1"]).expect("arguments");
        assert_eq!(arguments.command(), Ok("limit".to_owned()));
        assert_eq!(arguments.take("size", 1_200), Ok(900));
        assert_eq!(arguments.take("receivers", 500), Ok(500));
        assert_eq!(arguments.finish(), Err("no such option: --sise".to_owned()));
    }

    #[test]
    fn a_value_of_the_wrong_kind_is_an_error() {
        let mut arguments = read(&["limit", "--size", "big"]).expect("arguments");
        assert!(arguments.take("size", 1_200).is_err());
        assert!(read(&["limit", "again"]).is_err());
    }
}
