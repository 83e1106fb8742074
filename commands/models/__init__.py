"""Commands about models: info, evaluation, reports, pictures, exchange."""
