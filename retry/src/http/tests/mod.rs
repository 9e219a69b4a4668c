mod first_frame;
mod meaning;
mod script;
