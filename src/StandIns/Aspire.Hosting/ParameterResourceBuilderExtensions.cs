using Aspire.Hosting.ApplicationModel;

namespace Aspire.Hosting;

public static class ParameterResourceBuilderExtensions
{
    /// <summary>A value that the configuration must give as Parameters:name.</summary>
    public static IResourceBuilder<ParameterResource> AddParameter(this IDistributedApplicationBuilder builder, string name, bool secret = false) =>
        builder.AddResource(Create(builder, name, secret, null));

    /// <summary>A value that the configuration may give as Parameters:name.</summary>
    public static IResourceBuilder<ParameterResource> AddParameter(
        this IDistributedApplicationBuilder builder, string name, string value, bool publishValueAsDefault = false, bool secret = false) =>
        builder.AddResource(Create(builder, name, secret, new ConstantParameterDefault(() => value)));

    public static IResourceBuilder<ParameterResource> AddParameter(
        this IDistributedApplicationBuilder builder, string name, Func<string> valueGetter, bool publishValueAsDefault = false, bool secret = false) =>
        builder.AddResource(Create(builder, name, secret, new ConstantParameterDefault(valueGetter)));

    /// <summary>A value that is made up when the configuration gives none; persist keeps it from one run to the next.</summary>
    public static IResourceBuilder<ParameterResource> AddParameter(
        this IDistributedApplicationBuilder builder, string name, ParameterDefault value, bool secret = false, bool persist = false) =>
        builder.AddResource(Create(builder, name, secret, persist ? new KeptParameterDefault(name, value) : value));

    /// <summary>The password of a server for which the model names none. It is kept, as the server's data may be.</summary>
    public static ParameterResource CreateDefaultPasswordParameter(
        IDistributedApplicationBuilder builder, string name, bool lower = true, bool upper = true, bool numeric = true, bool special = true,
        int minLower = 0, int minUpper = 0, int minNumeric = 0, int minSpecial = 0)
    {
        var generated = new GenerateParameterDefault { MinLength = 22, Lower = lower, Upper = upper, Numeric = numeric, Special = special };
        var parameter = Create(builder, name, secret: true, new KeptParameterDefault(name, generated));
        builder.AddResource(parameter);
        return parameter;
    }

    private static ParameterResource Create(IDistributedApplicationBuilder builder, string name, bool secret, ParameterDefault? value)
    {
        return new ParameterResource(name, Read, secret) { Default = value };

        string Read(ParameterDefault? otherwise) =>
            builder.Configuration[$"Parameters:{name}"] ?? builder.Configuration[$"Parameters:{name.Replace('-', '_')}"] ?? otherwise?.GetDefaultValue()
            ?? throw new DistributedApplicationException($"Parameter resource could not be used because configuration key 'Parameters:{name}' is missing.");
    }
}
