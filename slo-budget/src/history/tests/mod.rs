mod damage;
mod model;
