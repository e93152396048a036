//! longhaul's own image, made from its own executable: nothing has to be pulled from a registry.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use bollard::errors::Error as EngineError;
use bollard::query_parameters::BuildImageOptionsBuilder;
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use sha2::{Digest as _, Sha256};

use super::error::is_absent;
use super::inspect::IMAGE_LABEL;
use super::{Engine, TargetError, executable};

const DOCKERFILE: &str = "FROM scratch\nCOPY longhaul /longhaul\nENTRYPOINT [\"/longhaul\"]\n";
const BUILD_TIMEOUT: Duration = Duration::from_mins(3);

/// Builds the image unless the engine has it; gives its tag.
pub(super) async fn build(engine: &Engine) -> Result<String, TargetError> {
    let path = executable();
    let read = tokio::task::spawn_blocking(move || {
        let bytes = std::fs::read(&path).map_err(TargetError::io("read", &path))?;
        let tag = tag(&bytes);
        Ok::<_, TargetError>((tag, bytes))
    });
    let (tag, program) = joined(read.await)?;
    match engine.docker().inspect_image(&tag).await {
        Ok(_) => return Ok(tag),
        Err(error) if is_absent(&error) => {}
        Err(error) => return Err(TargetError::engine("look for longhaul's own image")(error)),
    }
    let context = joined(tokio::task::spawn_blocking(move || context(&program)).await)?;
    let options = BuildImageOptionsBuilder::new()
        .t(&tag)
        .rm(true)
        .forcerm(true)
        .labels(&HashMap::from([(IMAGE_LABEL, "1")]))
        .build();
    let docker = engine.patient(BUILD_TIMEOUT);
    let steps = docker.build_image(options, None, Some(bollard::body_full(Bytes::from(context))));
    all(steps, BUILD_TIMEOUT).await.map_err(TargetError::engine("build longhaul's own image"))?;
    Ok(tag)
}

/// Waits for the last step of a build. The client bounds the time until the first alone.
async fn all<T>(
    steps: impl Stream<Item = Result<T, EngineError>>,
    within: Duration,
) -> Result<(), EngineError> {
    let mut steps = std::pin::pin!(steps);
    let over = async {
        while let Some(step) = steps.next().await {
            step?;
        }
        Ok(())
    };
    tokio::time::timeout(within, over).await.unwrap_or(Err(EngineError::RequestTimeoutError))
}

fn tag(program: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut tag = String::from("longhaul:");
    for byte in &Sha256::digest(program)[..6] {
        write!(tag, "{byte:02x}").expect("writing to memory does not fail");
    }
    tag
}

fn context(program: &[u8]) -> Result<Vec<u8>, TargetError> {
    let mut tar = tar::Builder::new(Vec::with_capacity(program.len() + 8192));
    for (name, bytes, mode) in
        [("Dockerfile", DOCKERFILE.as_bytes(), 0o644), ("longhaul", program, 0o755)]
    {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(mode);
        header.set_cksum();
        tar.append_data(&mut header, Path::new(name), bytes)
            .map_err(TargetError::io("pack", name))?;
    }
    tar.into_inner().map_err(TargetError::io("pack", "the build context"))
}

fn joined<T>(
    outcome: Result<Result<T, TargetError>, tokio::task::JoinError>,
) -> Result<T, TargetError> {
    outcome.unwrap_or_else(|error| {
        Err(TargetError::io("pack", executable())(std::io::Error::other(error)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_build_that_hangs_after_its_first_step_is_given_up() {
        let step = || futures_util::stream::iter([Ok::<_, EngineError>(())]);
        assert!(all(step(), BUILD_TIMEOUT).await.is_ok());
        let hung = step().chain(futures_util::stream::pending());
        let given_up = all(hung, Duration::from_millis(20)).await;
        assert!(matches!(given_up, Err(EngineError::RequestTimeoutError)));
    }

    #[test]
    fn the_tag_follows_the_content() {
        assert_eq!(tag(b""), "longhaul:e3b0c44298fc");
        assert_ne!(tag(b"a"), tag(b"b"));
    }

    #[test]
    fn the_context_holds_the_program_as_an_executable_file() {
        let bytes = context(b"program").unwrap();
        let mut archive = tar::Archive::new(bytes.as_slice());
        let modes: Vec<_> = archive
            .entries()
            .unwrap()
            .map(|e| {
                let e = e.unwrap();
                (e.path().unwrap().display().to_string(), e.header().mode().unwrap(), e.size())
            })
            .collect();
        assert_eq!(modes[1], ("longhaul".to_owned(), 0o755, 7));
        assert_eq!(modes[0].0, "Dockerfile");
    }
}
