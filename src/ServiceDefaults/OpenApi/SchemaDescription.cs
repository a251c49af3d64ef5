using System.ComponentModel.DataAnnotations;
using System.Reflection;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

using EnvPlatform.Contracts.Ids;

using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;

namespace EnvPlatform.ServiceDefaults.OpenApi;

/// <summary>
/// Adds what the framework does not see in the types: that texts with a converter of ours are strings, ids are UUIDs, a member marked
/// required is not null, and what a problem document holds beyond the RFC. Types nested in a slice are named after it.
/// </summary>
internal static class SchemaDescription
{
    /// <summary>The name of the component; null for an inline schema.</summary>
    public static string? Name(JsonTypeInfo type) =>
        IsId(type.Type) ? null
        : typeof(ProblemDetails).IsAssignableFrom(type.Type) ? nameof(ProblemDetails)
        : OpenApiOptions.CreateDefaultSchemaReferenceId(type) is null ? null
        : NameOf(Nullable.GetUnderlyingType(type.Type) ?? type.Type);

    public static Task CompleteAsync(OpenApiSchema schema, OpenApiSchemaTransformerContext context, CancellationToken ct)
    {
        var type = context.JsonTypeInfo.Type;
        if (typeof(ProblemDetails).IsAssignableFrom(type))
        {
            DescribeProblem(schema);
            return Task.CompletedTask;
        }

        if ((Nullable.GetUnderlyingType(type) ?? type) == typeof(JsonElement))
        {
            schema.Description ??= "Any JSON value.";
        }
        else if (type == typeof(string))
        {
            schema.Type = JsonSchemaType.String;
        }
        else if (IsId(type))
        {
            schema.Type = JsonSchemaType.String;
            schema.Format = "uuid";
        }
        else if ((Nullable.GetUnderlyingType(type) ?? type) == typeof(DateTimeOffset))
        {
            schema.Type = JsonSchemaType.String;
            schema.Format = "date-time";
        }
        else if (schema is { Type: JsonSchemaType.Array } && context.JsonTypeInfo.ElementType is { } element
            && (element == typeof(string) || IsId(element)))
        {
            schema.Items = new OpenApiSchema { Type = JsonSchemaType.String, Format = element == typeof(string) ? null : "uuid" };
        }

        if (context.JsonPropertyInfo is { } property && schema.Type is { } known)
        {
            var required = IsMarkedRequired(property.AttributeProvider)
                || IsMarkedRequired(property.AssociatedParameter?.AttributeProvider);
            schema.Type = required ? known & ~JsonSchemaType.Null : property.IsGetNullable ? known | JsonSchemaType.Null : known;
        }

        return Task.CompletedTask;
    }

    private static bool IsMarkedRequired(ICustomAttributeProvider? provider) =>
        provider?.IsDefined(typeof(RequiredAttribute), inherit: false) == true;

    public static bool IsId(Type type)
    {
        var plain = Nullable.GetUnderlyingType(type) ?? type;
        return plain.IsValueType
            && plain.GetInterfaces().Any(face => face.IsGenericType && face.GetGenericTypeDefinition() == typeof(ITypedId<>));
    }

    private static string NameOf(Type type)
    {
        var name = type.IsGenericType
            ? $"{type.Name[..type.Name.IndexOf('`', StringComparison.Ordinal)]}Of"
                + $"{string.Join("And", type.GetGenericArguments().Select(NameOf))}"
            : type.Name;
        return type.DeclaringType is { IsGenericType: false } slice ? slice.Name + name : name;
    }

    private static void DescribeProblem(OpenApiSchema schema)
    {
        var text = JsonSchemaType.String;
        schema.Type = JsonSchemaType.Object;
        schema.Description = "An error (RFC 9457).";
        schema.Required = new HashSet<string>(["type", "title", "status", "detail", "trace_id"], StringComparer.Ordinal);
        schema.Properties = new Dictionary<string, IOpenApiSchema>(StringComparer.Ordinal)
        {
            ["type"] = new OpenApiSchema { Type = text, Description = "urn:envplatform:problem: and the code." },
            ["title"] = new OpenApiSchema { Type = text },
            ["status"] = new OpenApiSchema { Type = JsonSchemaType.Integer, Format = "int32" },
            ["detail"] = new OpenApiSchema { Type = text },
            ["code"] = new OpenApiSchema { Type = text, Description = "For programs; absent for what was not expected." },
            ["trace_id"] = new OpenApiSchema { Type = text },
            ["errors"] = new OpenApiSchema
            {
                Type = JsonSchemaType.Object,
                Description = "For invalid input: what is wrong, by field.",
                AdditionalProperties = new OpenApiSchema { Type = JsonSchemaType.Array, Items = new OpenApiSchema { Type = text } },
            },
        };
    }
}
