using System.Text.Json;

namespace EnvPlatform.EndToEnd.Fuzzing;

/// <summary>An operation of the OpenAPI document.</summary>
/// <param name="MediaType">Of its body; null for none.</param>
/// <param name="Schema">Of its body; undefined for none.</param>
internal sealed record FuzzedOperation(
    string Method, string Path, IReadOnlyList<(string Name, string In, JsonElement Schema)> Parameters, string? MediaType,
    JsonElement Schema)
{
    private static readonly string[] Methods = ["get", "post", "put", "delete", "patch"];

    public static FuzzedOperation[] Read(JsonElement document) =>
    [
        .. from path in document.GetProperty("paths").EnumerateObject()
           from method in path.Value.EnumerateObject()
           where Methods.Contains(method.Name)
           select Read(method.Name.ToUpperInvariant(), path.Name, method.Value),
    ];

    private static FuzzedOperation Read(string method, string path, JsonElement operation)
    {
        var parameters = operation.TryGetProperty("parameters", out var given)
            ? given.EnumerateArray().Select(parameter => (
                parameter.GetProperty("name").GetString()!, parameter.GetProperty("in").GetString()!, parameter.GetProperty("schema")))
            : [];
        if (!operation.TryGetProperty("requestBody", out var body))
        {
            return new(method, path, [.. parameters], null, default);
        }

        var content = body.GetProperty("content").EnumerateObject().First();
        return new(
            method, path, [.. parameters], content.Name, content.Value.TryGetProperty("schema", out var schema) ? schema : default);
    }
}
