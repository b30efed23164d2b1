mod life;
mod refusals;
mod scene;
