namespace EnvPlatform.Gateway.Callers;

/// <summary>What Identity said of a token.</summary>
/// <param name="Bearer">Null for a bad token.</param>
/// <param name="Good">What requests with the token are answered; null for a bad one.</param>
/// <param name="At">When, as a timestamp of the clock.</param>
internal sealed record TokenAnswer(Bearer? Bearer, TokenLookup.Good? Good, long At);
