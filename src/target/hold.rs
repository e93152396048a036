//! A run's hold on longhaul's own image: nobody can remove the image while the run may need it.

use std::collections::HashMap;

use bollard::errors::Error as EngineError;
use bollard::models::ContainerCreateBody;
use bollard::query_parameters::CreateContainerOptionsBuilder;

use super::error::is_absent;
use super::inspect::{OWNER_LABEL, ROLE_LABEL, RUN_LABEL};
use super::owner::Owner;
use super::{Engine, TargetError, image};
use crate::ids::RunId;

/// Between building the image and holding it somebody may remove it; nobody does so again and again.
const TRIES: u32 = 5;

impl Engine {
    /// longhaul's own image ([`Engine::self_image`]), held for `run` until the run's things are swept: a
    /// container that is never started uses it, and an engine removes no image that a container uses,
    /// whoever asks, from whichever data folder or machine. Holding it twice is holding it once.
    pub async fn hold_image(&self, run: &RunId) -> Result<String, TargetError> {
        let mut gone = None;
        for _ in 0..TRIES {
            let image = image::build(self).await?;
            match self.hold(&image, run).await {
                Err(error) if is_absent(&error) => gone = Some(error),
                // It has this name already: the run holds the image.
                Ok(()) | Err(EngineError::DockerResponseServerError { status_code: 409, .. }) => {
                    return Ok(image);
                }
                Err(error) => {
                    return Err(TargetError::engine("hold longhaul's own image")(error));
                }
            }
        }
        let gone = gone.unwrap_or(EngineError::RequestTimeoutError);
        Err(TargetError::engine("hold longhaul's own image")(gone))
    }

    async fn hold(&self, image: &str, run: &RunId) -> Result<(), EngineError> {
        let labels = [
            (RUN_LABEL, run.to_string()),
            (ROLE_LABEL, "hold".to_owned()),
            (OWNER_LABEL, Owner::this().to_string()),
        ];
        let labels = labels.map(|(name, value)| (name.to_owned(), value));
        let body = ContainerCreateBody {
            image: Some(image.to_owned()),
            labels: Some(HashMap::from(labels)),
            network_disabled: Some(true),
            ..ContainerCreateBody::default()
        };
        let name = format!("longhaul-hold-{run}");
        let options = CreateContainerOptionsBuilder::new().name(&name).build();
        self.docker().create_container(Some(options), body).await.map(|_| ())
    }
}
