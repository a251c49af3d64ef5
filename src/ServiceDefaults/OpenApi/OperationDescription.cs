using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Mvc.ApiExplorer;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.OpenApi;

namespace EnvPlatform.ServiceDefaults.OpenApi;

/// <summary>
/// Adds what the framework leaves out of an operation: path parameters that no handler takes (<c>org</c>), parameters of types that bind
/// themselves, names of query parameters in snake case, and the error responses that every operation has.
/// </summary>
internal static partial class OperationDescription
{
    private const string ProblemSchema = nameof(ProblemDetails);

    public static async Task CompleteAsync(OpenApiOperation operation, OpenApiOperationTransformerContext context, CancellationToken ct)
    {
        var metadata = context.Description.ActionDescriptor.EndpointMetadata;
        operation.Parameters = Parameters(operation, context.Description.RelativePath ?? "", metadata);
        DescribeIds(operation, context.Description.ParameterDescriptions);
        operation.RequestBody ??= Form([.. metadata.OfType<DescribedParameter>().Where(parameter => parameter.In == "form")]);
        DescribePermissions(operation, metadata);
        operation.Responses ??= [];
        var document = context.Document!;
        var missing = Refusals(operation, metadata).Select(status => status.ToString(CultureInfo.InvariantCulture))
            .Where(status => !operation.Responses.ContainsKey(status)).ToList();
        if (missing.Count > 0 && document.Components?.Schemas?.ContainsKey(ProblemSchema) != true)
        {
            document.AddComponent(ProblemSchema, await context.GetOrCreateSchemaAsync(typeof(ProblemDetails), null, ct));
        }

        foreach (var status in missing)
        {
            operation.Responses[status] = new OpenApiResponse
            {
                Description = ReasonPhrases.GetReasonPhrase(int.Parse(status, CultureInfo.InvariantCulture)),
                Content = new Dictionary<string, OpenApiMediaType>(StringComparer.Ordinal)
                {
                    ["application/problem+json"] = new() { Schema = new OpenApiSchemaReference(ProblemSchema, document) },
                },
            };
        }
    }

    /// <summary>The permissions that the operation asks for, all of them, as <c>x-permission</c>; none where it asks for none.</summary>
    private static void DescribePermissions(OpenApiOperation operation, IEnumerable<object> metadata)
    {
        var asked = metadata.OfType<IAuthorizeData>().Select(data => data.Policy).Distinct()
            .Where(policy => Permission.All.Any(permission => permission.Name == policy));
        operation.AddExtension("x-permission", new JsonNodeExtension(new JsonArray([.. asked.Select(name => JsonValue.Create(name))])));
    }

    /// <summary>The path parameters in their order, then the others.</summary>
    private static List<IOpenApiParameter> Parameters(OpenApiOperation operation, string path, IEnumerable<object> metadata)
    {
        var given = (operation.Parameters ?? []).OfType<OpenApiParameter>().ToList();
        foreach (var parameter in given.Where(parameter => parameter.In == ParameterLocation.Query))
        {
            parameter.Name = JsonNamingPolicy.SnakeCaseLower.ConvertName(parameter.Name!);
        }

        var ofPath = PathParameter().Matches(path).Select(match => match.Groups["name"].Value).Select(name =>
            given.Find(parameter => parameter.In == ParameterLocation.Path && parameter.Name == name)
            ?? new OpenApiParameter
            {
                Name = name,
                In = ParameterLocation.Path,
                Required = true,
                Description = name == "org" ? "The organization's slug or id." : null,
                Schema = new OpenApiSchema { Type = JsonSchemaType.String },
            });
        return
        [
            .. ofPath,
            .. given.Where(parameter => parameter.In != ParameterLocation.Path),
            .. metadata.OfType<DescribedParameter>().Where(parameter => parameter.In != "form").Distinct().Select(Parameter),
        ];
    }

    /// <summary>A typed id is parsed from text, so the framework describes it as any text.</summary>
    private static void DescribeIds(OpenApiOperation operation, IEnumerable<ApiParameterDescription> parameters)
    {
        foreach (var id in parameters.Where(
            parameter => parameter.ParameterDescriptor is { } given && SchemaDescription.IsId(given.ParameterType)))
        {
            if (operation.Parameters!.FirstOrDefault(parameter => parameter.Name == id.Name)?.Schema is OpenApiSchema schema)
            {
                schema.Format = "uuid";
            }
        }
    }

    private static OpenApiParameter Parameter(DescribedParameter described)
    {
        var schema = new OpenApiSchema { Type = described.Type == "integer" ? JsonSchemaType.Integer : JsonSchemaType.String };
        return new()
        {
            Name = described.Name,
            In = described.In == "header" ? ParameterLocation.Header : ParameterLocation.Query,
            Description = described.Description,
            Required = described.Required,
            Schema = described.Repeats ? new OpenApiSchema { Type = JsonSchemaType.Array, Items = schema } : schema,
        };
    }

    private static OpenApiRequestBody? Form(IReadOnlyCollection<DescribedParameter> fields) => fields.Count == 0 ? null : new()
    {
        Required = true,
        Content = new Dictionary<string, OpenApiMediaType>(StringComparer.Ordinal)
        {
            ["application/x-www-form-urlencoded"] = new()
            {
                Schema = new OpenApiSchema
                {
                    Type = JsonSchemaType.Object,
                    Required = fields.Where(field => field.Required).Select(field => field.Name).ToHashSet(StringComparer.Ordinal),
                    Properties = fields.ToDictionary(
                        field => field.Name,
                        IOpenApiSchema (field) => new OpenApiSchema { Type = JsonSchemaType.String, Description = field.Description },
                        StringComparer.Ordinal),
                },
            },
        },
    };

    private static IEnumerable<int> Refusals(OpenApiOperation operation, IList<object> metadata)
    {
        var invalid = operation.Responses!.ContainsKey("422");
        if (!invalid && (operation.RequestBody is not null || operation.Parameters!.Any(parameter => parameter.Name is not "org")))
        {
            yield return StatusCodes.Status400BadRequest;
        }

        if (metadata.OfType<IAllowAnonymous>().Any() || metadata.OfType<IAuthorizeData>().Any(data => data.Policy == Access.Forwarded))
        {
            yield break;
        }

        yield return StatusCodes.Status401Unauthorized;
        yield return StatusCodes.Status403Forbidden;
        if (operation.Parameters!.Any(
            parameter => parameter.In == ParameterLocation.Path || parameter.Name == RequestedOrganization.Header))
        {
            yield return StatusCodes.Status404NotFound;
        }

        yield return StatusCodes.Status429TooManyRequests;
    }

    [GeneratedRegex("""\{\*{0,2}(?<name>\w+)""", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 10_000)]
    private static partial Regex PathParameter();
}
