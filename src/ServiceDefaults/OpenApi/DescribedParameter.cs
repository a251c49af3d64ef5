using Microsoft.AspNetCore.Builder;

namespace EnvPlatform.ServiceDefaults.OpenApi;

/// <summary>
/// A parameter that binding code reads from the request itself, described for the OpenAPI document as metadata of the endpoint.
/// </summary>
/// <param name="In">query, header, or form: a field of an <c>application/x-www-form-urlencoded</c> body.</param>
/// <param name="Type">The type in JSON Schema.</param>
/// <param name="Repeats">May be given several times.</param>
public sealed record DescribedParameter(
    string Name, string Description, string In = "query", string Type = "string", bool Repeats = false, bool Required = false);

public static class DescribedParameterExtensions
{
    /// <summary>For <c>PopulateMetadata</c> of a type that binds itself.</summary>
    public static void Describe(this EndpointBuilder endpoint, params ReadOnlySpan<DescribedParameter> parameters)
    {
        ArgumentNullException.ThrowIfNull(endpoint);
        foreach (var parameter in parameters)
        {
            endpoint.Metadata.Add(parameter);
        }
    }
}
