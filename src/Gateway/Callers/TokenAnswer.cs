namespace EnvPlatform.Gateway.Callers;

/// <summary>Identity's answer about a token.</summary>
/// <param name="Bearer">Null for an invalid token.</param>
/// <param name="Good">The result for requests with the token; null for an invalid one.</param>
/// <param name="At">When, as a timestamp of the clock.</param>
internal sealed record TokenAnswer(Bearer? Bearer, TokenLookup.Good? Good, long At);
