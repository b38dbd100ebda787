"""The policy language: facts, three-valued logic, categories in order, explanations; pydantic only."""
