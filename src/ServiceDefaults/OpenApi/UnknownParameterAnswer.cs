using Microsoft.AspNetCore.Http;

namespace EnvPlatform.ServiceDefaults.OpenApi;

/// <summary>
/// Metadata of an endpoint whose errors have a form of their own: the answer to a query parameter, by its name, that it does not have, with
/// the sentence that says so. Other endpoints answer 400 with a problem document.
/// </summary>
public sealed record UnknownParameterAnswer(Func<string, string, IResult> Of);
