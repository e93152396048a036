//! Load: arrival schedule, protocols, engine, recorder.
