"""An issuer of tokens for development: a company's own OpenID Connect provider stands here in production."""
